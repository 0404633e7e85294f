/** Everything that helps while an experiment is written. */
import * as vscode from 'vscode';
import type { Register } from '../services';
import { registerCodeLens } from './code-lens';
import { registerCompletion } from './completion';
import { Diagnostics } from './diagnostics';
import { registerHover } from './hover';
import { registerInlayHints } from './inlay-hints';
import { registerQuickFixes } from './quick-fixes';
import { RedHat } from './red-hat';
import { ResultsChanged } from './results-changed';

export const registerYaml: Register = ({ context, library, log }) => {
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
};
