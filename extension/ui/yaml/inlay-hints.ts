/** Derived values at the ends of lines; VS Code's own setting turns them off. */
import * as vscode from 'vscode';
import { derivedValues } from '../../core/language/derived';
import { hintsOf } from '../../core/language/hints';
import type { RunLibrary } from '../../core/library/library';
import { experimentSelector } from './experiment-files';
import { readingOf } from './experiments';
import type { ResultsChanged } from './results-changed';

export function registerInlayHints(library: RunLibrary, results: ResultsChanged): vscode.Disposable {
  return vscode.languages.registerInlayHintsProvider(experimentSelector, {
    onDidChangeInlayHints: results.event,
    provideInlayHints(document, range) {
      const { checked, places } = readingOf(document);
      if (!checked.resolved) return [];
      return hintsOf(document.getText(), places, derivedValues(checked.resolved, library.runs, checked.experiment?.sweep))
        .map(({ offset, label, tooltip }) => {
          const hint = new vscode.InlayHint(document.positionAt(offset), label);
          hint.paddingLeft = true;
          hint.tooltip = new vscode.MarkdownString(tooltip);
          return hint;
        })
        .filter(({ position }) => range.contains(position));
    },
  });
}
