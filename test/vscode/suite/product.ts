/** The extension under test and the workspace it runs in, as the suite sees them. */
import { join } from 'node:path';
import * as vscode from 'vscode';

export interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
  };
}

/** The active extension's manifest. */
export async function activeManifest(): Promise<Manifest> {
  const extension = vscode.extensions.getExtension('mim-lab.mim-lab');
  if (!extension) throw new Error('the extension is not installed');
  if (!extension.isActive) await extension.activate();
  return extension.packageJSON as Manifest;
}

/** A file of the workspace. */
export function inWorkspace(...path: readonly string[]): vscode.Uri {
  return vscode.Uri.file(join(vscode.workspace.workspaceFolders![0]!.uri.fsPath, ...path));
}

/** What `look` finds, asked again until it finds something. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>, seconds = 60): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`after ${seconds} s there is still no ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
