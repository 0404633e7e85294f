/** Run, preview and earlier results, above the lines they are about. */
import * as vscode from 'vscode';
import { type Lens, lensesOf } from '../../core/language/lenses';
import type { RunLibrary } from '../../core/library/library';
import type { RunNode } from '../nodes';
import { experimentSelector } from './experiment-files';
import { readingOf } from './experiments';
import type { ResultsChanged } from './results-changed';

const MINUTE = 60_000;

export function registerCodeLens(library: RunLibrary, results: ResultsChanged): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  // A lens says how long ago its result is.
  const clock = setInterval(() => changed.fire(), MINUTE);
  const subscriptions = [results.event(() => changed.fire()), vscode.workspace.onDidGrantWorkspaceTrust(() => changed.fire())];
  const provider = vscode.languages.registerCodeLensProvider(experimentSelector, {
    onDidChangeCodeLenses: changed.event,
    provideCodeLenses(document) {
      const { checked, places } = readingOf(document);
      const canRun = vscode.workspace.isTrusted && document.uri.scheme === 'file';
      const lenses = lensesOf({ file: document.fileName, places, resolved: checked.resolved, runs: library.runs, canRun, now: Date.now() });
      return lenses.map((lens) => new vscode.CodeLens(document.lineAt(document.positionAt(lens.offset).line).range, commandOf(lens, document.uri)));
    },
  });
  return vscode.Disposable.from(provider, ...subscriptions, changed, { dispose: () => clearInterval(clock) });
}

function commandOf({ title, tooltip, action }: Lens, uri: vscode.Uri): vscode.Command {
  switch (action.kind) {
    case 'run':
      return { title, command: 'mim.runPretraining', arguments: [uri] };
    case 'sweep':
      return { title, command: 'mim.runSweep', arguments: [uri] };
    case 'preview':
      return { title, command: 'mim.previewMasks', arguments: [uri] };
    case 'dashboard': {
      const nodes = action.runs.map((run): RunNode => ({ kind: 'run', run }));
      return { title, tooltip, command: 'mim.openDashboard', arguments: [nodes[0], nodes] };
    }
  }
}
