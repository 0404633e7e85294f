/** Runs of other tools are shown from where they are: the setting names their places. */
import * as vscode from 'vscode';
import type { Register } from '../services';
import { registerCommand } from './command';

export const registerExternal: Register = ({ log, library }) =>
  registerCommand(log, 'mim.addExternalRuns', async () => {
    const chosen = await vscode.window.showOpenDialog({ title: 'Add Runs Made Elsewhere', canSelectFiles: true, canSelectFolders: true, canSelectMany: true, openLabel: 'Add' });
    if (chosen === undefined) return;
    const target = vscode.workspace.workspaceFolders === undefined ? vscode.ConfigurationTarget.Global : vscode.ConfigurationTarget.Workspace;
    const settings = vscode.workspace.getConfiguration('mim');
    const known = settings.get<string[]>('externalRuns', []);
    await settings.update('externalRuns', [...new Set([...known, ...chosen.map(({ fsPath }) => fsPath)])], target);
    await library.refresh();
    const found = library.runs.filter(({ key, origin }) => origin !== 'mim' && chosen.some(({ fsPath }) => key === fsPath || key.startsWith(`${fsPath}/`) || key.startsWith(`${fsPath}\\`)));
    const words = found.length === 0 ? 'No run was found there: looked for log.txt of one JSON object a line, TensorBoard event files and CSV files with a loss or accuracy.' : `${found.length} ${found.length === 1 ? 'run' : 'runs'} made elsewhere ${found.length === 1 ? 'is' : 'are'} shown, read-only.`;
    void vscode.window.showInformationMessage(words);
  });
