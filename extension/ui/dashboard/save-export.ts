/** Asks where a table or picture goes and writes it there. */
import * as vscode from 'vscode';
import type { FromDashboard } from '../../core/protocol/dashboard';

type Export = Extract<FromDashboard, { readonly type: 'export' }>;

const KINDS = { csv: ['csv', 'CSV'], png: ['png', 'PNG'], markdown: ['md', 'Markdown'] } as const;

export async function saveExport({ format, name, content }: Export): Promise<void> {
  const [extension, label] = KINDS[format];
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const file = `${name.replace(/[^\p{L}\p{N}._ -]/gu, '-')}.${extension}`;
  const target = await vscode.window.showSaveDialog({ defaultUri: folder && vscode.Uri.joinPath(folder, file), filters: { [label]: [extension] }, saveLabel: 'Export' });
  if (target === undefined) return;
  await vscode.workspace.fs.writeFile(target, Buffer.from(content, format === 'png' ? 'base64' : 'utf8'));
  const chosen = await vscode.window.showInformationMessage(`Wrote ${vscode.workspace.asRelativePath(target)}.`, 'Open');
  if (chosen === 'Open') await vscode.commands.executeCommand('vscode.open', target);
}
