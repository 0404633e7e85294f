/** The view of all runs. */
import * as vscode from 'vscode';
import type { RunLibrary } from '../../core/library/library';
import type { Node } from '../nodes';
import { isOrder, type Order } from './run-order';
import { possibleWith } from './possible';
import { RowTree } from './row-tree';
import { runTooltip } from './run-tooltip';
import { matches } from './run-filter';
import { describeSweep, runsTree } from './runs-tree';

const FILTER_KEY = 'mim.runs.filter';
const ORDER_KEY = 'mim.runs.order';

export class RunsView implements vscode.Disposable {
  private readonly tree: RowTree;
  readonly view: vscode.TreeView<Node>;
  private filterText: string;
  private orderNow: Order;
  /** What the context keys were last set to. */
  private readonly contexts = new Map<string, boolean>();

  constructor(
    private readonly library: RunLibrary,
    private readonly memory: vscode.Memento,
    ready: () => Promise<void>,
  ) {
    this.filterText = memory.get(FILTER_KEY, '');
    const order = memory.get(ORDER_KEY);
    this.orderNow = isOrder(order) ? order : 'newest';
    this.tree = new RowTree(ready, (node) => this.tooltip(node));
    this.view = vscode.window.createTreeView('mim.runs', { treeDataProvider: this.tree, canSelectMany: true, showCollapseAll: true });
  }

  get filter(): string {
    return this.filterText;
  }

  get order(): Order {
    return this.orderNow;
  }

  /** Shown at once; kept for the next window with `keep`. */
  setFilter(text: string): void {
    this.filterText = text.trim();
    this.update();
  }

  async keep(): Promise<void> {
    await this.memory.update(FILTER_KEY, this.filterText);
    await this.memory.update(ORDER_KEY, this.orderNow);
  }

  async setOrder(order: Order): Promise<void> {
    this.orderNow = order;
    this.update();
    await this.keep();
  }

  update(): void {
    const { runs } = this.library;
    this.tree.show(runsTree(runs, { filter: this.filterText, order: this.orderNow }));
    for (const [key, value] of Object.entries(possibleWith(runs))) this.setContext(key, value);
    this.setContext('mim.runsFiltered', this.filterText !== '');
    this.tellFilter();
    this.tellRunning(runs.filter(({ state }) => state === 'running').length);
  }

  private tellFilter(): void {
    const { runs } = this.library;
    const shown = runs.filter((run) => matches(run, this.filterText)).length;
    // Where none fits the view says so itself, with a way out, which a message would hide.
    const message = this.filterText === '' || shown === 0 ? undefined : `${shown} of ${runs.length} runs fit “${this.filterText}”`;
    if (this.view.message !== message) this.view.message = message;
  }

  private tellRunning(count: number): void {
    if ((this.view.badge?.value ?? 0) === count) return;
    this.view.badge = count === 0 ? undefined : { value: count, tooltip: count === 1 ? '1 run is training' : `${count} runs are training` };
  }

  private setContext(key: string, value: boolean): void {
    if (this.contexts.get(key) === value) return;
    this.contexts.set(key, value);
    void vscode.commands.executeCommand('setContext', key, value);
  }

  private tooltip(node: Node): string | undefined {
    if (node.kind === 'sweep') return describeSweep(this.library.runs.filter(({ sweep }) => sweep === node.sweep));
    const run = node.kind === 'run' ? this.library.get(node.run) : undefined;
    return run && runTooltip(run, Date.now());
  }

  dispose(): void {
    this.view.dispose();
    this.tree.dispose();
  }
}
