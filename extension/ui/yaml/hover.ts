/** Documentation, derived values and earlier results of the key under the pointer. */
import * as vscode from 'vscode';
import { hoverAt } from '../../core/language/hover';
import type { RunLibrary } from '../../core/library/library';
import { experimentSelector } from './experiment-files';
import { readingOf } from './experiments';
import { rangeIn } from './range';
import type { RedHat } from './red-hat';

export function registerHover(library: RunLibrary, redHat: RedHat): vscode.Disposable {
  return vscode.languages.registerHoverProvider(experimentSelector, {
    provideHover(document, position) {
      const { resolved, experiment } = readingOf(document).checked;
      const found = hoverAt(document.getText(), document.offsetAt(position), { resolved, sweep: experiment?.sweep, runs: library.runs });
      if (!found) return undefined;
      const parts = [redHat.describes(document) ? '' : found.schema, found.derived, found.past].filter((part) => part !== '');
      return parts.length > 0 ? new vscode.Hover(parts.map((part) => new vscode.MarkdownString(part)), rangeIn(document, found)) : undefined;
    },
  });
}
