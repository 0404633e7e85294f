/** Offsets of the checker as VS Code's ranges. */
import * as vscode from 'vscode';
import type { OffsetRange } from '../../core/language/text-edit';

export function rangeIn(document: vscode.TextDocument, { start, end }: OffsetRange): vscode.Range {
  return new vscode.Range(document.positionAt(start), document.positionAt(end));
}
