/** The view of the queue. Its folder is looked at only while the view is seen. */
import * as vscode from 'vscode';
import type { QueueState } from '../../core/queue/entry';
import type { Queue } from '../../core/queue/queue';
import type { Node } from '../nodes';
import { RowTree } from '../sidebar/row-tree';
import { queueTree, queueWords } from './queue-tree';

export class QueueView implements vscode.Disposable {
  private readonly tree: RowTree;
  private readonly view: vscode.TreeView<Node>;
  private readonly shown: vscode.Disposable;
  private stopLooking: (() => void) | undefined;

  constructor(private readonly queue: Queue, private readonly pollMs: number) {
    this.tree = new RowTree(() => this.refresh(), () => undefined);
    this.view = vscode.window.createTreeView('mim.queue', { treeDataProvider: this.tree, canSelectMany: true });
    this.shown = this.view.onDidChangeVisibility(({ visible }) => (visible ? this.look() : this.rest()));
    if (this.view.visible) this.look();
  }

  /** What is selected there, for commands that were given nothing. */
  get selection(): readonly Node[] {
    return this.view.selection;
  }

  async refresh(): Promise<void> {
    this.show(await this.queue.read());
  }

  private look(): void {
    this.stopLooking ??= this.queue.onChange((state) => this.show(state), this.pollMs);
    void this.refresh();
  }

  private rest(): void {
    this.stopLooking?.();
    this.stopLooking = undefined;
  }

  private show(state: QueueState): void {
    this.tree.show(queueTree(state));
    this.view.message = queueWords(state);
    void vscode.commands.executeCommand('setContext', 'mim.queuePaused', state.paused);
    void vscode.commands.executeCommand('setContext', 'mim.queueUsed', state.entries.length > 0);
  }

  dispose(): void {
    this.rest();
    this.shown.dispose();
    this.view.dispose();
    this.tree.dispose();
  }
}
