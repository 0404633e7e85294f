/** Every run of the workspace, in sweeps; what is checked is shown in the views. */
import type { RunKey, RunRow } from '../../extension/core/protocol/dashboard';
import { button, textField } from '../controls/controls';
import { h, setText } from '../dom';
import { openColorMenu } from './color-menu';
import { keepTabStop, walkWithKeys } from './grid-keys';
import { RunListRow, type RunActions } from './run-row';
import type { Dashboard } from './view';

export class RunList implements RunActions {
  private readonly grid = h('div', { class: 'run-grid', role: 'grid', 'aria-label': 'Runs', 'aria-multiselectable': 'true' });
  private readonly count = h('span', { class: 'faint', role: 'status' });
  readonly element: HTMLElement;
  private readonly rows = new Map<RunKey, RunListRow>();
  private readonly groups = new Map<string, SweepRow>();
  private runs: readonly RunRow[] = [];
  private order = '';
  private words: readonly string[] = [];

  constructor(private readonly dashboard: Dashboard) {
    const filter = textField('Filter runs', '', (text) => this.filter(text), { live: true, placeholder: 'Filter by name, state, #tag' });
    const all = button('All', () => this.selectShown(true), { label: 'Select all runs that are listed' });
    const none = button('None', () => this.selectShown(false), { label: 'Select none of the runs that are listed' });
    this.element = h('aside', { class: 'runs', 'aria-label': 'Runs' },
      filter.element, h('div', { class: 'bar' }, all.element, none.element, this.count), this.grid);
    walkWithKeys(this.grid);
  }

  takeRuns(runs: readonly RunRow[]): void {
    this.runs = runs;
    for (const run of runs) if (!this.rows.has(run.key)) this.rows.set(run.key, new RunListRow(run, this));
    this.arrange();
  }

  render(): void {
    const { selected, baseline } = this.dashboard.state;
    const chosen = new Set(selected);
    for (const run of this.runs) this.rows.get(run.key)!.render(run, chosen.has(run.key), run.key === baseline);
    for (const group of this.groups.values()) group.render(chosen);
    setText(this.count, `${selected.filter((key) => this.rows.has(key)).length} of ${this.runs.length}`);
  }

  select(run: RunRow, selected: boolean): void {
    this.selectAll([run], selected);
  }

  star(run: RunRow): void {
    this.dashboard.send({ type: 'set-star', run: run.key, starred: !run.starred });
  }

  baseline(run: RunRow): void {
    this.dashboard.change({ baseline: this.dashboard.state.baseline === run.key ? undefined : run.key });
  }

  recolor(run: RunRow, anchor: HTMLElement): void {
    openColorMenu(anchor, run.color, (color) => this.dashboard.send({ type: 'set-color', run: run.key, color }));
  }

  private selectAll(runs: readonly RunRow[], selected: boolean): void {
    const keys = new Set(this.dashboard.state.selected);
    for (const { key } of runs) if (selected) keys.add(key); else keys.delete(key);
    // In the order of the list, so that the order of clicks does not change a chart.
    const known = this.runs.filter(({ key }) => keys.has(key)).map(({ key }) => key);
    this.dashboard.change({ selected: known });
  }

  private selectShown(selected: boolean): void {
    this.selectAll(this.runs.filter(({ key }) => !this.rows.get(key)!.element.hidden), selected);
  }

  private filter(text: string): void {
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.hideOthers();
  }

  /** Rows are moved only where the order of runs changed: a live update keeps the focus where it is. */
  private arrange(): void {
    const keys = new Set(this.runs.map(({ key }) => key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      this.rows.delete(key);
    }
    const sections = bySweep(this.runs);
    const order = JSON.stringify(sections.map(({ sweep, runs }) => [sweep, runs.map(({ key }) => key)]));
    if (order === this.order) return;
    this.order = order;
    const focused = document.activeElement;
    this.groups.clear();
    this.grid.replaceChildren(...sections.flatMap(({ sweep, runs }) => {
      const rows = runs.map(({ key }) => this.rows.get(key)!.element);
      for (const row of rows) row.classList.toggle('in-sweep', sweep !== undefined);
      if (sweep === undefined) return rows;
      const group = new SweepRow(sweep, runs, (selected) => this.selectAll(runs, selected));
      this.groups.set(sweep, group);
      return [group.element, ...rows];
    }));
    if (focused instanceof HTMLElement && this.grid.contains(focused)) focused.focus();
    this.hideOthers();
  }

  private hideOthers(): void {
    const isShown = (key: RunKey) => this.rows.get(key)!.matches(this.words);
    for (const run of this.runs) {
      const row = this.rows.get(run.key)!;
      row.render(run, row.box.checked, run.key === this.dashboard.state.baseline);
      row.element.hidden = !isShown(run.key);
    }
    for (const group of this.groups.values()) group.element.hidden = !group.runs.some(({ key }) => isShown(key));
    keepTabStop(this.grid);
  }
}

class SweepRow {
  private readonly box = h('input', { type: 'checkbox', tabindex: -1 });
  readonly element: HTMLElement;

  constructor(name: string, readonly runs: readonly RunRow[], select: (selected: boolean) => void) {
    this.box.setAttribute('aria-label', `Show all runs of sweep ${name}`);
    this.box.addEventListener('change', () => select(this.box.checked));
    this.element = h('div', { role: 'row', class: 'sweep' }, h('div', { role: 'gridcell' }, this.box),
      h('div', { role: 'rowheader', class: 'run-text', title: name }, h('span', { class: 'run-name' }, name), h('span', { class: 'run-detail' }, `sweep of ${runs.length}`)));
  }

  render(chosen: ReadonlySet<RunKey>): void {
    const count = this.runs.filter(({ key }) => chosen.has(key)).length;
    this.box.checked = count === this.runs.length;
    this.box.indeterminate = count > 0 && count < this.runs.length;
  }
}

interface Section {
  readonly sweep: string | undefined;
  readonly runs: RunRow[];
}

/** A sweep stands where its first run does; starred runs come first within their section, and alone before all. */
function bySweep(runs: readonly RunRow[]): Section[] {
  const sections = new Map<string, Section>();
  for (const run of [...runs].sort((a, b) => Number(b.starred) - Number(a.starred))) {
    const name = run.sweep === undefined ? `run ${run.key}` : `sweep ${run.sweep}`;
    const section = sections.get(name) ?? { sweep: run.sweep, runs: [] };
    section.runs.push(run);
    sections.set(name, section);
  }
  return [...sections.values()];
}
