/** Everything that helps while an experiment is written. It brings the parser and the schema of experiments, most of the extension's code. */
import * as vscode from 'vscode';
import type { Services } from '../services';
import { registerCodeLens } from './code-lens';
import { registerCompletion } from './completion';
import { Diagnostics } from './diagnostics';
import { registerHover } from './hover';
import { registerInlayHints } from './inlay-hints';
import { registerQuickFixes } from './quick-fixes';
import { RedHat } from './red-hat';
import { ResultsChanged } from './results-changed';

export function supportExperiments({ context, library, log }: Services): vscode.Disposable {
  const redHat = new RedHat(log);
  const diagnostics = new Diagnostics(vscode.Uri.joinPath(context.extensionUri, 'docs', 'errors.md'), log);
  const results = new ResultsChanged(library);
  return vscode.Disposable.from(
    redHat,
    results,
    diagnostics,
    registerCompletion(),
    registerHover(library, redHat),
    registerQuickFixes(diagnostics),
    registerCodeLens(library, results),
    registerInlayHints(library, results),
  );
}
