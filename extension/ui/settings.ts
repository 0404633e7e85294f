/** The product's settings, read anew each time: they may differ between windows and change at any moment. */
import * as vscode from 'vscode';

const section = (scope?: vscode.Uri) => vscode.workspace.getConfiguration('mim', scope);

/** The entries of a list setting, each with the folder that its relative paths start from. */
export function pathSetting(name: 'runFolders' | 'externalRuns'): { readonly base: string; readonly path: string }[] {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return folders.flatMap(({ uri }) => section(uri).get<string[]>(name, []).map((path) => ({ base: uri.fsPath, path })));
}

/** A program named by a workspace is not run before the workspace is trusted: `machine` scope and restricted in the manifest. */
export const nodePath = (): string => section().get<string>('nodePath', '').trim();

/** Of clusters, by name; like programs they are not taken from a workspace. */
export const slurmProfiles = (): object => section().get<object>('slurmProfiles', {});

export const pollMs = (): number => 1000 * section().get<number>('pollSeconds', 1);

export function onSettings(names: readonly string[], listener: () => void): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((event) => {
    if (names.some((name) => event.affectsConfiguration(`mim.${name}`))) listener();
  });
}
