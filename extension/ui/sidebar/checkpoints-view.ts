/** The view of all checkpoints. */
import * as vscode from 'vscode';
import type { RunLibrary } from '../../core/library/library';
import type { Node } from '../nodes';
import { checkpointsTree, checkpointTooltip } from './checkpoints-tree';
import { RowTree } from './row-tree';
import { runTooltip } from './run-tooltip';

export class CheckpointsView implements vscode.Disposable {
  private readonly tree: RowTree;
  private readonly view: vscode.TreeView<Node>;

  constructor(
    private readonly library: RunLibrary,
    ready: () => Promise<void>,
  ) {
    this.tree = new RowTree(ready, (node) => this.tooltip(node));
    this.view = vscode.window.createTreeView('mim.checkpoints', { treeDataProvider: this.tree, canSelectMany: true, showCollapseAll: true });
  }

  update(): void {
    this.tree.show(checkpointsTree(this.library.runs));
  }

  private tooltip(node: Node): string | undefined {
    const run = node.kind === 'run' || node.kind === 'checkpoint' ? this.library.get(node.run) : undefined;
    if (run === undefined) return undefined;
    if (node.kind === 'run') return runTooltip(run, Date.now());
    const checkpoint = node.kind === 'checkpoint' ? run.checkpoints.find(({ step }) => step === node.step) : undefined;
    return checkpoint && checkpointTooltip(run, checkpoint, Date.now());
  }

  dispose(): void {
    this.view.dispose();
    this.tree.dispose();
  }
}
