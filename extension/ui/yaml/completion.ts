/** Completion of keys, values and paths. */
import { readdir } from 'node:fs/promises';
import * as vscode from 'vscode';
import { absolutePath } from '../../core/config/resolve';
import { type Suggestion, suggestionsAt } from '../../core/language/complete';
import { type FolderEntry, pathSuggestionsAt } from '../../core/language/complete-path';
import { experimentSelector, rangeIn } from './experiments';
import type { RedHat } from './red-hat';

const kinds: Readonly<Record<Suggestion['kind'], vscode.CompletionItemKind>> = {
  key: vscode.CompletionItemKind.Property,
  section: vscode.CompletionItemKind.Module,
  value: vscode.CompletionItemKind.Value,
  file: vscode.CompletionItemKind.File,
  folder: vscode.CompletionItemKind.Folder,
};

export function registerCompletion(redHat: RedHat): vscode.Disposable {
  return vscode.languages.registerCompletionItemProvider(
    experimentSelector,
    {
      async provideCompletionItems(document, position) {
        const text = document.getText();
        const offset = document.offsetAt(position);
        const fromSchema = redHat.describesSchema ? [] : suggestionsAt(text, offset);
        const paths = document.uri.scheme === 'file' ? await pathSuggestionsAt(text, offset, (folder) => listFolder(absolutePath(folder, document.fileName))) : [];
        return [...paths, ...fromSchema].map((suggestion) => completionItem(document, suggestion));
      },
    },
    ' ', ':', '{', '[', ',', '/',
  );
}

function completionItem(document: vscode.TextDocument, suggestion: Suggestion): vscode.CompletionItem {
  const item = new vscode.CompletionItem(suggestion.label, kinds[suggestion.kind]);
  item.insertText = new vscode.SnippetString(suggestion.snippet);
  // The snippets carry their whole indentation.
  item.keepWhitespace = true;
  item.range = rangeIn(document, suggestion);
  item.sortText = suggestion.order;
  item.detail = suggestion.detail;
  if (suggestion.documentation !== undefined) item.documentation = new vscode.MarkdownString(suggestion.documentation);
  if (suggestion.kind === 'folder') item.command = { command: 'editor.action.triggerSuggest', title: 'Look into the folder' };
  return item;
}

async function listFolder(folder: string): Promise<FolderEntry[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() || entry.isSymbolicLink() }));
}
