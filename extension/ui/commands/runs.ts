/** Runs as folders and configurations: shown, told apart, deleted. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { LibraryRun } from '../../core/library/library-run';
import { UserError } from '../../core/problems';
import type { Node } from '../nodes';
import type { Register, Services } from '../services';
import { rangeIn } from '../yaml/range';
import { chooseRuns } from './choose-run';
import { registerCommand } from './command';

/** What the key in the view of runs says instead of a row. The palette asks: what is selected may be out of sight there. */
const SELECTED = 'selected';

export const registerRunCommands: Register = (services) => {
  const { log } = services;
  return vscode.Disposable.from(
    registerCommand(log, 'mim.diffConfigs', (clicked?: Node, selected?: readonly Node[]) => diffConfigs(services, clicked, selected)),
    registerCommand(log, 'mim.revealRun', (clicked?: Node) => reveal(services, clicked)),
    registerCommand(log, 'mim.deleteRun', (clicked?: Node | typeof SELECTED, selected?: readonly Node[]) => (clicked === SELECTED ? deleteRuns(services, undefined, services.selection.runs) : deleteRuns(services, clicked, selected))),
    registerCommand(log, 'mim.openConfigAt', (run: string, key?: string) => openConfigAt(services, run, key)),
    registerCommand(log, 'mim.openRunSource', (clicked?: Node) => openSource(services, clicked)),
    registerCommand(log, 'mim.showLog', (clicked?: Node) => showLog(services, clicked)),
  );
};

const isOwn = ({ origin }: LibraryRun) => origin === 'mim';
const configOf = (run: LibraryRun) => vscode.Uri.file(path.join(run.key, 'config.yaml'));

/** From the palette the two selected runs are meant, where there are two. */
async function diffConfigs({ library, selection }: Services, clicked?: Node, selected?: readonly Node[]): Promise<void> {
  const question = { title: 'Diff Configs: from', fits: isOwn, none: 'No run with a config.' };
  const isPair = clicked === undefined && selection.runs.length === 2;
  const given = clicked === undefined && !isPair ? [] : await chooseRuns(library, question, clicked, isPair ? selection.runs : selected);
  const [left] = given.length > 0 ? given : await chooseRuns(library, question);
  if (left === undefined) return;
  const [right] = given.length > 1 ? given.slice(1) : await chooseRuns(library, { ...question, title: `Diff Configs: ${left.name} to`, fits: (run) => isOwn(run) && run.key !== left.key, none: 'There is no other run.' });
  if (right !== undefined) await vscode.commands.executeCommand('vscode.diff', configOf(left), configOf(right), `${left.name} ↔ ${right.name}`);
}

async function reveal({ library }: Services, clicked?: Node): Promise<void> {
  const [run] = await chooseRuns(library, { title: 'Reveal Run Folder', fits: () => true, none: 'There is no run.' }, clicked);
  if (run !== undefined) await show(run);
}

/** A file manager is there only where the window and the files are on one machine; elsewhere the explorer has the folder, if it is of the workspace. */
async function show({ key, name }: LibraryRun): Promise<void> {
  const folder = vscode.Uri.file(key);
  const isLocal = vscode.env.uiKind === vscode.UIKind.Desktop && vscode.env.remoteName === undefined;
  if (isLocal) return void (await vscode.commands.executeCommand('revealFileInOS', folder));
  if (vscode.workspace.getWorkspaceFolder(folder) !== undefined) return void (await vscode.commands.executeCommand('revealInExplorer', folder));
  const chosen = await vscode.window.showInformationMessage(`${name} lies in ${key}, outside this workspace.`, 'Copy Path');
  if (chosen !== undefined) await vscode.env.clipboard.writeText(key);
}

async function deleteRuns({ library }: Services, clicked?: Node, selected?: readonly Node[]): Promise<void> {
  const isOver = (run: LibraryRun) => isOwn(run) && run.state !== 'running' && run.state !== 'paused';
  const runs = await chooseRuns(library, { title: 'Delete Run', fits: isOver, none: 'Only runs made here that are not at work can be deleted. Stop the run first.' }, clicked, selected);
  if (runs.length === 0) return;
  const checkpoints = runs.reduce((sum, run) => sum + run.checkpoints.length, 0);
  const what = runs.length === 1 ? runs[0]!.name : `${runs.length} runs`;
  const detail = `${runs.map(({ key }) => key).join('\n')}\n\nWith ${checkpoints} ${checkpoints === 1 ? 'checkpoint' : 'checkpoints'}. It can be restored from the trash.`;
  if ((await vscode.window.showWarningMessage(`Move ${what} to the trash?`, { modal: true, detail }, 'Move to Trash')) !== 'Move to Trash') return;
  for (const run of runs) await moveToTrash(run);
  await library.refresh();
}

/** Remote hosts and some mounts have no trash: there a second question is asked, since nothing brings the run back. */
async function moveToTrash(run: LibraryRun): Promise<void> {
  const folder = vscode.Uri.file(run.key);
  try {
    await vscode.workspace.fs.delete(folder, { recursive: true, useTrash: true });
  } catch {
    const isThere = await vscode.workspace.fs.stat(folder).then(() => true, () => false);
    if (!isThere) return;
    const answer = await vscode.window.showWarningMessage(`${run.name} cannot be moved to the trash.`, { modal: true, detail: 'Delete it for good? It cannot be restored.' }, 'Delete Permanently');
    if (answer === 'Delete Permanently') await vscode.workspace.fs.delete(folder, { recursive: true, useTrash: false });
  }
}

/** The run's own log; the extension's where no run is meant. */
async function showLog({ library, log }: Services, clicked?: Node): Promise<void> {
  const run = clicked?.kind === 'run' ? library.get(clicked.run) : undefined;
  if (run === undefined) return log.show(true);
  const file = vscode.Uri.file(path.join(run.key, 'log.txt'));
  const isThere = await vscode.workspace.fs.stat(file).then(() => true, () => false);
  if (!isThere) throw new UserError('MIM9512', `${run.name} has not written a log.`, 'The dashboard shows what it recorded.');
  await vscode.window.showTextDocument(file);
}

/** The file the user wrote, where it is still there; what was trained, as resolved, where it is not or lacks the key. */
async function openConfigAt({ library }: Services, key: string, dotted?: string): Promise<void> {
  const run = library.get(key);
  if (run === undefined) throw new UserError('MIM7402', 'The run is no longer there.', 'Refresh the list of runs.');
  if (!isOwn(run)) return void (await vscode.window.showTextDocument(vscode.Uri.file(run.key)));
  const { rangeOfKey } = await import('../../core/language/locate-key');
  const candidates = [...(run.experimentFile === undefined ? [] : [vscode.Uri.file(run.experimentFile)]), configOf(run)];
  for (const [index, file] of candidates.entries()) {
    const document = await vscode.workspace.openTextDocument(file);
    const range = dotted === undefined ? undefined : rangeOfKey(document.getText(), dotted);
    if (range === undefined && dotted !== undefined && index < candidates.length - 1) continue;
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.One, selection: range && rangeIn(document, range) });
    return;
  }
}

async function openSource(services: Services, clicked?: Node): Promise<void> {
  const [run] = await chooseRuns(services.library, { title: 'Open Run Config', fits: isOwn, none: 'No run with a config.' }, clicked);
  if (run !== undefined) await openConfigAt(services, run.key);
}
