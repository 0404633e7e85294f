/** The view of the engines: asked for when it is first looked at, in a process of its own. */
import * as vscode from 'vscode';
import { registerCommand } from '../commands/command';
import type { Services } from '../services';
import { enginesTree, parseReport } from './engines-tree';
import { RowTree } from './row-tree';

export class EnginesView implements vscode.Disposable {
  private readonly tree: RowTree;
  private readonly subscriptions: vscode.Disposable;
  private looked: Promise<void> | undefined;

  constructor({ mim, log }: Services) {
    const look = async (): Promise<void> => {
      // Nothing is started before the workspace is trusted.
      if (!vscode.workspace.isTrusted) return;
      const { stdout } = await mim.run(['doctor', '--json'], { accept: [0, 1] });
      this.tree.show(enginesTree(parseReport(stdout)));
    };
    const first = () => (this.looked ??= look().catch((error: unknown) => log.error('Doctor gave no answer', error as Error)));
    this.tree = new RowTree(first, () => undefined);
    const again = async () => {
      this.looked = look();
      await this.looked;
    };
    const view = vscode.window.createTreeView('mim.engines', { treeDataProvider: this.tree });
    this.subscriptions = vscode.Disposable.from(
      view,
      registerCommand(log, 'mim.engines.refresh', () => vscode.window.withProgress({ location: { viewId: 'mim.engines' } }, again)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => void again().catch((error: unknown) => log.error('Doctor gave no answer', error as Error))),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
    this.tree.dispose();
  }
}
