/** The dashboard: one panel a window, opened by commands and found again after a reload. */
import * as vscode from 'vscode';
import type { DashboardState, RunKey } from '../../core/protocol/dashboard';
import { KEEP_FOCUS, type Node } from '../nodes';
import type { Register, Services } from '../services';
import type { DashboardPanel } from './panel';
import { runsOf } from './runs-of';

const VIEW_TYPE = 'mim.dashboard';

export const registerDashboard: Register = (services) => {
  const dashboard = new Dashboard(services);
  return vscode.Disposable.from(
    dashboard,
    vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, { deserializeWebviewPanel: async (panel) => void (await dashboard.adopt(panel)) }),
    vscode.commands.registerCommand('mim.openDashboard', (clicked?: Node, selected?: readonly Node[], focus?: unknown) => dashboard.open(runsOf(clicked, selected, services.library.runs), sweepView(clicked), focus === KEEP_FOCUS)),
    vscode.commands.registerCommand('mim.compareRuns', (clicked?: Node, selected?: readonly Node[]) => dashboard.compare(runsOf(clicked, clicked === undefined ? services.selection.runs : selected, services.library.runs))),
  );
};

class Dashboard implements vscode.Disposable {
  /** Of the panel that is open, or being opened. */
  private panel: Promise<DashboardPanel> | undefined;

  constructor(private readonly services: Services) {}

  open(runs: readonly RunKey[], part: Partial<DashboardState> = {}, preserveFocus = false): Promise<void> {
    return this.show(runs.length === 0 ? part : { selected: runs, ...part }, preserveFocus);
  }

  async compare(given: readonly RunKey[]): Promise<void> {
    const runs = given.length > 1 ? given : await this.ask(given);
    if (runs !== undefined && runs.length > 0) await this.show({ view: 'compare', selected: runs });
  }

  adopt(panel: vscode.WebviewPanel): Promise<DashboardPanel> {
    const made = import('./panel').then(({ DashboardPanel }) => new DashboardPanel(panel, this.services));
    this.panel = made;
    panel.onDidDispose(() => {
      if (this.panel === made) this.panel = undefined;
      void made.then((opened) => opened.dispose());
    });
    return made;
  }

  dispose(): void {
    void this.panel?.then((opened) => opened.dispose());
  }

  private async show(part: Partial<DashboardState>, preserveFocus = false): Promise<void> {
    if (this.panel === undefined) {
      const viewColumn = vscode.window.activeTextEditor === undefined ? vscode.ViewColumn.Active : vscode.ViewColumn.Beside;
      void this.adopt(vscode.window.createWebviewPanel(VIEW_TYPE, 'MIM Dashboard', { viewColumn, preserveFocus }, { enableScripts: true, localResourceRoots: [] }));
    }
    (await this.panel)?.navigate(part, preserveFocus);
  }

  private async ask(picked: readonly RunKey[]): Promise<RunKey[] | undefined> {
    const choices = this.services.library.runs.map(({ key, name, state, sweep }) => ({ label: name, description: [state, sweep].filter(Boolean).join(', '), key, picked: picked.includes(key) }));
    const chosen = await vscode.window.showQuickPick(choices, { title: 'Compare Runs', canPickMany: true, matchOnDescription: true, placeHolder: 'Two or more' });
    return chosen?.map(({ key }) => key);
  }
}

/** A click on a sweep is about its accuracies. */
function sweepView(clicked: Node | undefined): Partial<DashboardState> {
  return clicked?.kind === 'sweep' ? { view: 'sweep' } : {};
}
