/** Checkpoints as documents: looked into, and compared. */
import * as vscode from 'vscode';
import type { Register } from '../services';
import { chooseCheckpoint } from './choose';
import { CheckpointEditors, VIEW_TYPE } from './editor';
import { filesOf, inOrder, type Target } from './targets';

export const registerCheckpointEditor: Register = ({ context, library, log }) => {
  const editors = new CheckpointEditors(context.extensionUri, log, (file) => chooseCheckpoint(library, 'Compare with', file));

  const inspect = async (clicked?: Target, selected?: readonly Target[]) => {
    const files = filesOf(clicked, selected, library.runs);
    if (files.length === 0) files.push(...asList(await chooseCheckpoint(library, 'Inspect Checkpoint')));
    for (const file of files) await editors.open(file);
  };

  const compare = async (clicked?: Target, selected?: readonly Target[]) => {
    const [first, second] = filesOf(clicked, selected, library.runs);
    // A selection has no order of its own; where one is asked for after the other, the user gave it.
    if (first !== undefined && second !== undefined) return editors.open(...inOrder([first, second], library.runs));
    const left = first ?? activeCheckpoint() ?? (await chooseCheckpoint(library, 'Compare Checkpoints: from'));
    const right = left && (await chooseCheckpoint(library, 'Compare Checkpoints: to', left));
    if (left !== undefined && right !== undefined) await editors.open(left, right);
  };

  return vscode.Disposable.from(
    vscode.window.registerCustomEditorProvider(VIEW_TYPE, editors, { supportsMultipleEditorsPerDocument: false }),
    vscode.commands.registerCommand('mim.inspectCheckpoint', inspect),
    vscode.commands.registerCommand('mim.compareCheckpoints', compare),
  );
};

/** The file of the editor in front, where it is one of ours. */
function activeCheckpoint(): string | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputCustom && input.viewType === VIEW_TYPE ? input.uri.fsPath : undefined;
}

function asList(file: string | undefined): string[] {
  return file === undefined ? [] : [file];
}
