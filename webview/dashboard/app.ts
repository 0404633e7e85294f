/** The dashboard: the list of runs beside one view, both drawn from what the host told last. */
import type { DashboardState, DashboardView, FromDashboard, RunKey, RunRow, ToDashboard, ViewData } from '../../extension/core/protocol/dashboard';
import { warmUp } from '../charts/warm-up';
import { tabs } from '../controls/tabs';
import { h, setText } from '../dom';
import type { Host } from '../host';
import { RunList } from './run-list';
import { firstSelection, INITIAL, withState } from './state';
import { unknownRun, type Dashboard, type View } from './view';
import { VIEWS } from './views';

/** So long a page that comes back waits for its view before it makes its list of runs, in ms. */
const LIST_WAITS = 700;

/** While a slider is dragged the host is told at most this often, in ms. */
const TELL_EVERY = 60;

export class App implements Dashboard {
  state: DashboardState;
  private readonly runs = new Map<RunKey, RunRow>();
  private readonly list: RunList;
  private readonly tabs;
  private readonly main;
  private readonly start = h('section', { class: 'start', hidden: true }, h('h2', {}, 'There are no runs yet'),
    h('p', {}, 'Open an experiment (*.mim.yaml) and click Run above its first line; MIM: New Experiment… makes one to begin with. A run appears here as soon as it has begun.'));
  private readonly problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  private view: { readonly name: DashboardView; readonly view: View } | undefined;
  private data: ViewData | undefined;
  /** Until the runs are known there is nothing to ask for. */
  private knowsRuns = false;
  private hasChoice: boolean;
  private frame = 0;
  /** The host waits to hear that what it told last is drawn. */
  private owesDrawing = false;
  private viewIsDrawn = false;
  private teller: number | undefined;
  /** A page that comes back draws what it showed first: a thousand rows take longer than the charts. */
  private listTimer: number | undefined;

  constructor(root: HTMLElement, private readonly host: Host<ToDashboard, FromDashboard, DashboardState>) {
    const kept = host.getState();
    this.state = known(withState(INITIAL, kept ?? {}));
    this.hasChoice = kept !== undefined;
    this.list = new RunList(this);
    this.tabs = tabs('Views', VIEWS.map(({ name, label }) => ({ id: name, label })), this.state.view, (name) => this.change({ view: name as DashboardView }));
    this.main = h('main', {}, h('h1', { class: 'visually-hidden' }, 'MIM Dashboard'), this.problem, this.start, this.tabs.element);
    root.append(h('div', { class: 'dashboard' }, this.list.element, this.main));
    host.listen((message) => this.hear(message));
    host.send({ type: 'ready', ...(kept && { state: this.state }) });
    this.schedule();
    // The host's answer takes longer.
    setTimeout(warmUp);
  }

  run(key: RunKey): RunRow {
    return this.runs.get(key) ?? unknownRun(key);
  }

  send(message: FromDashboard): void {
    this.host.send(message);
  }

  change(part: Partial<DashboardState>): void {
    this.state = { ...this.state, ...part };
    this.hasChoice = true;
    this.say('');
    this.host.setState(this.state);
    this.teller ??= window.setTimeout(() => this.tell(), TELL_EVERY);
    this.schedule();
  }

  private tell(): void {
    window.clearTimeout(this.teller);
    this.teller = undefined;
    this.host.send({ type: 'show', state: this.state });
  }

  private hear(message: ToDashboard): void {
    switch (message.type) {
      case 'runs':
        this.takeRuns(message.runs, message.areSome ?? false);
        break;
      case 'view':
        this.data = message.data;
        this.owesDrawing = true;
        break;
      case 'navigate':
        this.state = known(withState(this.state, message.state));
        this.change({});
        break;
      case 'problem':
        this.say(message.text);
        break;
    }
    this.schedule();
  }

  private takeRuns(runs: readonly RunRow[], areSome: boolean): void {
    this.runs.clear();
    for (const run of runs) this.runs.set(run.key, run);
    if (areSome) return;
    if (!this.knowsRuns && this.hasChoice && !this.viewIsDrawn) this.listTimer ??= window.setTimeout(() => this.makeList(), LIST_WAITS);
    else if (this.listTimer === undefined) this.list.takeRuns(runs);
    this.start.hidden = runs.length > 0;
    this.list.element.hidden = this.tabs.element.hidden = runs.length === 0;
    this.main.classList.toggle('alone', runs.length === 0);
    if (this.knowsRuns || runs.length === 0) return;
    this.knowsRuns = true;
    // What a page kept it has told already.
    if (this.hasChoice) return;
    this.change({ selected: firstSelection(runs) });
    this.tell();
  }

  /** Once its view is drawn, or does not come. */
  private makeList(): void {
    window.clearTimeout(this.listTimer);
    this.listTimer = undefined;
    this.list.takeRuns([...this.runs.values()]);
    this.schedule();
  }

  private say(problem: string): void {
    this.problem.hidden = problem === '';
    setText(this.problem, problem);
  }

  private schedule(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const shown = VIEWS.find((view) => view.name === this.state.view) ?? VIEWS[0]!;
    const { name } = shown;
    if (this.listTimer === undefined) this.list.render();
    this.tabs.set(name);
    if (this.view?.name !== name) {
      this.view?.view.destroy();
      const panel = this.tabs.panel(name);
      panel.replaceChildren();
      this.view = { name, view: shown.make(panel, this) };
    }
    this.view.view.render(this.data?.view === name ? this.data : undefined);
    if (!this.owesDrawing) return;
    this.owesDrawing = false;
    // Charts are made when their places come into sight, which is after this frame: the next one shows them.
    requestAnimationFrame(() => setTimeout(() => this.hasDrawn()));
  }

  private hasDrawn(): void {
    this.viewIsDrawn = true;
    this.host.send({ type: 'drawn' });
    if (this.listTimer !== undefined) this.makeList();
  }
}

/** A view that this page does not have is asked for neither by its state nor by the host. */
function known(state: DashboardState): DashboardState {
  return VIEWS.some(({ name }) => name === state.view) ? state : { ...state, view: VIEWS[0]!.name };
}
