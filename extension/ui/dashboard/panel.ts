/** The dashboard's panel: the page says where the user is, the host answers with complete snapshots of it. */
import * as vscode from 'vscode';
import { differingKey } from '../../core/dashboard/differing-key';
import { createDashboardModel } from '../../core/dashboard/model';
import type { DashboardState, FromDashboard, RunKey, ToDashboard, ViewData } from '../../core/protocol/dashboard';
import { pageHtml } from '../checkpoint/page';
import type { Services } from '../services';
import { saveExport } from './save-export';
import { Pace } from './pace';

/** At most so often, in ms: runs that write at once make one snapshot. */
const PACE_MS = 200;
/** A page that has not drawn for so long will not say so any more: it was thrown away or is stuck. */
const LONGEST_DRAWING_MS = 10_000;

export class DashboardPanel implements vscode.Disposable {
  private readonly model;
  private readonly subscriptions: vscode.Disposable[] = [];
  private readonly pace = new Pace(PACE_MS, () => this.answer());
  private state: DashboardState | undefined;
  private pending: Partial<DashboardState> | undefined;
  private isLoaded = false;
  private runsChanged = false;
  /** A page that comes back draws what it showed before it gets the list of all runs, which takes longer. */
  private viewFirst = false;
  /** Called when the page has drawn what it was told last. */
  private drawn: () => void = () => undefined;

  constructor(
    private readonly panel: vscode.WebviewPanel,
    private readonly services: Services,
  ) {
    const { library, context } = services;
    this.model = createDashboardModel({ library });
    const { webview } = panel;
    this.allowPictures();
    const inDist = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(context.extensionUri, 'dist', 'webview', name)).toString();
    this.subscriptions.push(
      this.model,
      webview.onDidReceiveMessage((message: FromDashboard) => this.hear(message)),
      panel.onDidChangeViewState(() => this.seen()),
      { dispose: this.model.onChange(() => this.pace.ask()) },
      { dispose: library.onChange(() => this.libraryChanged()) },
      { dispose: () => this.pace.dispose() },
    );
    webview.html = pageHtml({ title: 'MIM Dashboard', script: inDist('dashboard.js'), style: inDist('dashboard.css'), source: webview.cspSource });
  }

  navigate(part: Partial<DashboardState>, preserveFocus = false): void {
    this.panel.reveal(undefined, preserveFocus);
    if (this.isLoaded) this.send({ type: 'navigate', state: part });
    else this.pending = { ...this.pending, ...part };
  }

  dispose(): void {
    this.drawn();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private hear(message: FromDashboard): void {
    switch (message.type) {
      case 'ready':
        this.isLoaded = true;
        this.drawn();
        // A page that comes back says at once what it showed: its answer need not wait for its list of runs.
        if (message.state !== undefined) this.state = message.state;
        void this.greet();
        return;
      case 'drawn':
        return this.drawn();
      case 'show':
        this.state = message.state;
        this.pace.ask();
        return;
      case 'open-config':
        void vscode.commands.executeCommand('mim.openConfigAt', message.run, message.key ?? this.keyOf(message.run));
        return;
      case 'diff-configs':
        void vscode.commands.executeCommand('mim.diffConfigs', ...asNodes(message.left, message.right));
        return;
      case 'set-color':
        return this.guard(this.services.library.mark(message.run, { color: message.color }));
      case 'set-star':
        return this.guard(this.services.library.mark(message.run, { starred: message.starred }));
      case 'export':
        return this.guard(saveExport(message));
    }
  }

  private async greet(): Promise<void> {
    // What is known is shown at once; what is not comes with the library's next look.
    if (this.services.library.runs.length === 0) await this.services.library.refresh().catch(() => undefined);
    this.allowPictures();
    const runs = this.model.rows();
    const shown = this.pending === undefined ? runs.filter(({ key }) => this.state?.selected.includes(key)) : [];
    this.viewFirst = shown.length > 0;
    if (this.viewFirst) this.runsChanged = true;
    this.send(this.viewFirst ? { type: 'runs', runs: shown, areSome: true } : { type: 'runs', runs });
    if (this.pending !== undefined) this.send({ type: 'navigate', state: this.pending });
    this.pending = undefined;
    this.pace.ask();
  }

  /** A hidden panel has no page: it says `ready` again when it is shown. */
  private seen(): void {
    if (this.panel.visible) return this.pace.ask();
    this.isLoaded = false;
    this.drawn();
    this.model.rest();
  }

  private libraryChanged(): void {
    this.runsChanged = true;
    this.pace.ask();
  }

  private async answer(): Promise<void> {
    if (!this.isLoaded || !this.panel.visible) return;
    try {
      if (!this.viewFirst) this.tellRuns();
      // Also where the view fails: a page that came back has only the runs of that view.
      await this.showView().finally(() => this.tellRuns());
    } catch (error) {
      this.tell(error);
    }
  }

  /** Those of the library, where the page does not have them yet. */
  private tellRuns(): void {
    this.viewFirst = false;
    if (this.runsChanged) this.send({ type: 'runs', runs: this.model.rows() });
    this.runsChanged = false;
  }

  /** Ends when the page has drawn it, or will not. */
  private async showView(): Promise<void> {
    if (this.state === undefined) return;
    const data = await this.model.view(this.state);
    const drawing = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LONGEST_DRAWING_MS);
      this.drawn = () => (clearTimeout(timer), resolve());
    });
    this.send({ type: 'view', data: this.loadable(data) });
    await drawing;
  }

  /** Pictures are named by their paths until here. */
  private loadable(data: ViewData): ViewData {
    if (data.view !== 'samples') return data;
    this.allowPictures();
    const uriOf = (file: string) => this.panel.webview.asWebviewUri(vscode.Uri.file(file)).toString();
    return { ...data, pictures: data.pictures.map((picture) => ({ ...picture, uri: uriOf(picture.uri) })) };
  }

  /** The page may load the product's own files and the pictures of the runs that are listed. */
  private allowPictures(): void {
    const { context, library } = this.services;
    const folders = new Set(library.runs.filter(({ origin }) => origin === 'mim').map(({ key }) => vscode.Uri.joinPath(vscode.Uri.file(key), '..').fsPath));
    const roots = [vscode.Uri.joinPath(context.extensionUri, 'dist', 'webview'), ...[...folders].map((folder) => vscode.Uri.file(folder))];
    const known = this.panel.webview.options.localResourceRoots?.map(String).join();
    // Setting the options loads the page anew.
    if (known !== roots.map(String).join()) this.panel.webview.options = { enableScripts: true, localResourceRoots: roots };
  }

  private keyOf(run: RunKey): string | undefined {
    return differingKey(run, this.state?.baseline, this.state?.selected ?? [], this.services.library);
  }

  private guard(work: Promise<void>): void {
    work.catch((error: unknown) => this.tell(error));
  }

  private tell(error: unknown): void {
    this.services.log.error(error instanceof Error ? error : String(error));
    this.send({ type: 'problem', text: error instanceof Error ? error.message : String(error) });
  }

  private send(message: ToDashboard): void {
    void this.panel.webview.postMessage(message);
  }
}

function asNodes(left: RunKey, right: RunKey): [unknown, unknown[]] {
  const nodes = [left, right].map((run) => ({ kind: 'run' as const, run }));
  return [nodes[0], nodes];
}
