/** The view of all checkpoints. */
import * as vscode from 'vscode';
import type { RunLibrary } from '../../core/library/library';
import { checkpointsTree } from './checkpoints-tree';
import { RowTree } from './row-tree';
import { sortRuns } from './run-order';
import { plain } from './run-tooltip';

export class CheckpointsView implements vscode.Disposable {
  private readonly tree: RowTree;
  private readonly view: vscode.TreeView<unknown>;

  constructor(
    private readonly library: RunLibrary,
    ready: () => Promise<void>,
  ) {
    this.tree = new RowTree(ready, (node) => (node.kind === 'checkpoint' ? plain(node.path) : undefined));
    this.view = vscode.window.createTreeView('mim.checkpoints', { treeDataProvider: this.tree, canSelectMany: true, showCollapseAll: true });
  }

  update(): void {
    this.tree.show(checkpointsTree(sortRuns(this.library.runs, 'newest')));
  }

  dispose(): void {
    this.view.dispose();
    this.tree.dispose();
  }
}
