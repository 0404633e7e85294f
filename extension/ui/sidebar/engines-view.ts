/** The view of the engines. Looking starts a program that takes a processor for a second, so it is done once the view is open, the workspace trusted and the runs listed. */
import * as vscode from 'vscode';
import { UserError, sentences } from '../../core/problems';
import type { Mim } from '../mim';
import type { Node } from '../nodes';
import { choiceWords, enginesTree, engineTooltip, parseReport, type DoctorReport } from './engines-tree';
import { RowTree } from './row-tree';

export class EnginesView implements vscode.Disposable {
  private readonly tree: RowTree;
  private readonly view: vscode.TreeView<Node>;
  private readonly subscriptions: vscode.Disposable[];
  private readonly closing = new AbortController();
  private report: DoctorReport | undefined;
  private looking: Promise<void> | undefined;

  constructor(
    private readonly mim: Mim,
    private readonly log: vscode.LogOutputChannel,
    private readonly runsListed: () => Promise<void>,
  ) {
    this.tree = new RowTree(() => this.ready(), (node) => (node.kind === 'engine' && this.report !== undefined ? engineTooltip(this.report, node.engine) : undefined));
    this.view = vscode.window.createTreeView('mim.engines', { treeDataProvider: this.tree });
    // Rows asked for before the workspace was trusted were none.
    const trusted = vscode.workspace.onDidGrantWorkspaceTrust(() => (this.view.visible ? this.refresh() : undefined));
    const shown = this.view.onDidChangeVisibility(({ visible }) => (visible ? this.ready() : undefined));
    this.subscriptions = [trusted, shown];
  }

  /** Looks again, and shows what was found or why nothing was. */
  refresh(): Promise<void> {
    if (!vscode.workspace.isTrusted) return Promise.resolve();
    this.looking ??= this.look().finally(() => (this.looking = undefined));
    return this.looking;
  }

  private async ready(): Promise<void> {
    await this.runsListed();
    if (this.report === undefined && this.view.visible) await this.refresh();
  }

  private async look(): Promise<void> {
    this.view.message = undefined;
    try {
      // It ends with 1 where something is missing, and says what.
      const { stdout } = await vscode.window.withProgress({ location: { viewId: 'mim.engines' } }, () => this.mim.run(['doctor', '--json'], { signal: this.closing.signal, accept: [0, 1] }));
      this.report = parseReport(stdout);
      this.view.message = choiceWords(this.report);
      this.tree.show(enginesTree(this.report));
    } catch (error) {
      if (this.closing.signal.aborted) return;
      this.log.error('The engines could not be asked for', error as Error);
      this.view.message = error instanceof UserError ? sentences(error) : 'What this machine offers could not be read; the log has the details.';
    }
  }

  dispose(): void {
    this.closing.abort();
    for (const subscription of this.subscriptions) subscription.dispose();
    this.view.dispose();
    this.tree.dispose();
  }
}
