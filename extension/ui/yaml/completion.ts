/** Completion of keys, values and paths. */
import { isAbsolute } from 'node:path';
import * as vscode from 'vscode';
import { absolutePath } from '../../core/config/resolve';
import { type Suggestion, suggestionsAt } from '../../core/language/complete';
import { pathSuggestionsAt } from '../../core/language/complete-path';
import { listFolder } from '../../core/language/list-folder';
import { experimentSelector } from './experiment-files';
import { rangeIn } from './range';

const kinds: Readonly<Record<Suggestion['kind'], vscode.CompletionItemKind>> = {
  key: vscode.CompletionItemKind.Property,
  section: vscode.CompletionItemKind.Module,
  value: vscode.CompletionItemKind.Value,
  file: vscode.CompletionItemKind.File,
  folder: vscode.CompletionItemKind.Folder,
};

export function registerCompletion(): vscode.Disposable {
  return vscode.languages.registerCompletionItemProvider(
    experimentSelector,
    {
      async provideCompletionItems(document, position, token) {
        const text = document.getText();
        const offset = document.offsetAt(position);
        const paths = canLook(document) ? await pathSuggestionsAt(text, offset, (folder) => listFolder(absolutePath(folder, document.fileName))) : [];
        if (token.isCancellationRequested) return [];
        return [...paths, ...suggestionsAt(text, offset)].map((suggestion) => completionItem(document, position, suggestion));
      },
    },
    ' ', ':', '{', '[', ',', '/', '.',
  );
}

/** An untrusted text may name a network share, and looking there would already tell it who asks. */
function canLook(document: vscode.TextDocument): boolean {
  return vscode.workspace.isTrusted && isAbsolute(document.fileName);
}

function completionItem(document: vscode.TextDocument, position: vscode.Position, suggestion: Suggestion): vscode.CompletionItem {
  const item = new vscode.CompletionItem(suggestion.label, kinds[suggestion.kind]);
  item.insertText = new vscode.SnippetString(suggestion.snippet);
  // The snippets carry their whole indentation.
  item.keepWhitespace = true;
  item.range = rangeIn(document, suggestion);
  // VS Code compares with all that is replaced before the cursor, an opening quote included.
  const quote = /^["']/.exec(document.getText(new vscode.Range(item.range.start, position)))?.[0] ?? '';
  item.filterText = quote + suggestion.label;
  item.sortText = suggestion.order;
  item.detail = suggestion.detail;
  if (suggestion.documentation !== undefined) item.documentation = new vscode.MarkdownString(suggestion.documentation);
  // What is in the folder or section comes next.
  if (suggestion.kind === 'folder' || suggestion.kind === 'section') item.command = { command: 'editor.action.triggerSuggest', title: 'Go on' };
  return item;
}

