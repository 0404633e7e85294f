/** Runs of other tools are shown from where they are: the setting names their places. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { Register } from '../services';
import { registerCommand } from './command';

export const registerExternal: Register = ({ log, library, places }) =>
  registerCommand(log, 'mim.addExternalRuns', async (clicked?: vscode.Uri, selected?: readonly vscode.Uri[]) => {
    const chosen = clicked instanceof vscode.Uri ? (selected ?? [clicked]) : await vscode.window.showOpenDialog({ title: 'Add Runs Made Elsewhere', canSelectFiles: true, canSelectFolders: true, canSelectMany: true, openLabel: 'Add' });
    if (chosen === undefined || chosen.length === 0) return;
    const added = chosen.map(({ fsPath }) => fsPath);
    const target = vscode.workspace.workspaceFolders === undefined ? vscode.ConfigurationTarget.Global : vscode.ConfigurationTarget.Workspace;
    const settings = vscode.workspace.getConfiguration('mim');
    await settings.update('externalRuns', [...new Set([...settings.get<string[]>('externalRuns', []), ...added])], target);
    places.tell();
    await library.refresh();
    const found = library.runs.filter(({ key, origin }) => origin !== 'mim' && added.some((place) => isWithin(key, place)));
    const words = found.length === 0 ? 'No run was found there: looked for log.txt of one JSON object a line, TensorBoard event files and CSV files with a loss or accuracy.' : `${found.length} ${found.length === 1 ? 'run' : 'runs'} made elsewhere ${found.length === 1 ? 'is' : 'are'} shown, read-only.`;
    void vscode.window.showInformationMessage(words);
  });

function isWithin(file: string, place: string): boolean {
  const way = path.relative(place, file);
  return way === '' || (!way.startsWith('..') && !path.isAbsolute(way));
}
