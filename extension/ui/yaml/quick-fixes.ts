/** Light bulbs on problems. */
import * as vscode from 'vscode';
import { quickFixes } from '../../core/language/quick-fixes';
import { type Diagnostics, rangeOf } from './diagnostics';
import { experimentSelector } from './experiment-files';
import { rangeIn } from './range';

export function registerQuickFixes(diagnostics: Diagnostics): vscode.Disposable {
  return vscode.languages.registerCodeActionsProvider(
    experimentSelector,
    {
      provideCodeActions(document, range, { diagnostics: shown }) {
        const touched = diagnostics.of(document).filter((problem) => rangeOf(document, problem).intersection(range));
        return touched.flatMap((problem) =>
          quickFixes(document.getText(), problem).map(({ title, edits, preferred }) => {
            const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
            action.edit = new vscode.WorkspaceEdit();
            for (const edit of edits) action.edit.replace(document.uri, rangeIn(document, edit), edit.text);
            action.isPreferred = preferred;
            const place = rangeOf(document, problem);
            action.diagnostics = shown.filter((diagnostic) => diagnostic.source === 'mim' && diagnostic.range.isEqual(place));
            return action;
          }),
        );
      },
    },
    { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] },
  );
}
