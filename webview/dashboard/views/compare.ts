/** The runs side by side as a table, and below it how their configs differ. The host sorts and filters. */
import type { CompareColumn, CompareData, DashboardState, RunKey, Scalar, ViewData } from '../../../extension/core/protocol/dashboard';
import { formatNumber, formatShare } from '../../charts/numbers';
import { swatch } from '../../charts/run-mark';
import { button, checkbox, dropdown, textField } from '../../controls/controls';
import { h, setText } from '../../dom';
import { chooser } from '../chooser';
import { toCsv, toMarkdown, type Table } from '../export';
import type { Dashboard, View } from '../view';
import { NoiseTable } from './noise-table';

type Options = DashboardState['compare'];
const SUMMARIES = [{ value: 'best', label: 'Best' }, { value: 'last', label: 'Last' }, { value: 'smoothed', label: 'Smoothed' }];

export function compareView(container: HTMLElement, dashboard: Dashboard): View {
  return new Compare(container, dashboard);
}

class Compare implements View {
  private readonly filter;
  private readonly summary;
  private readonly onlyDifferences;
  private readonly columns = chooser('Columns', (columns) => this.change({ columns: columns.length === 0 ? [] : ['name', ...columns] }));
  private readonly note = h('p', { class: 'note', role: 'status' });
  private readonly problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  private readonly table = h('table', {});
  private readonly differences = h('table', {});
  private readonly differing;
  private readonly noise = new NoiseTable();
  private data: CompareData | undefined;
  private drawn = '';

  constructor(container: HTMLElement, private readonly dashboard: Dashboard) {
    const { compare } = dashboard.state;
    this.filter = textField('Filter', compare.filter, (filter) => this.change({ filter }), { live: true, placeholder: 'masking.ratio > 0.5 and linear > 0.4' });
    this.summary = dropdown('Values', SUMMARIES, compare.summary, (summary) => this.change({ summary: summary as Options['summary'] }));
    this.onlyDifferences = checkbox('Only differences', compare.onlyDifferences, (onlyDifferences) => this.change({ onlyDifferences }));
    const csv = button('CSV', () => this.save('csv'), { label: 'Save the table as CSV' });
    const markdown = button('Markdown', () => this.save('markdown'), { label: 'Save the table as Markdown' });
    this.differing = h('section', {}, h('h2', {}, 'Config keys that differ'), scroll('Config keys that differ', this.differences));
    container.append(h('div', { class: 'bar' }, this.filter.element, this.summary.element, this.onlyDifferences.element, this.columns.element, csv.element, markdown.element),
      this.problem, this.note, scroll('Runs', this.table), this.noise.element, this.differing);
  }

  render(data: ViewData | undefined): void {
    if (data?.view === 'compare') this.data = data;
    const { compare, selected, baseline } = this.dashboard.state;
    this.filter.set(compare.filter);
    this.summary.set(compare.summary);
    this.onlyDifferences.set(compare.onlyDifferences);
    setText(this.note, selected.length === 0 ? 'Select runs in the list to compare them.' : !this.data ? 'Reading runs…' : '');
    if (!this.data) return;
    const { available, filterProblem, rows } = this.data;
    const choices = available.filter(({ name }) => name !== 'name').map(({ name, label, kind }) => ({ value: name, label, group: kind }));
    this.columns.setChoices(choices, compare.columns, this.data.columns.map(({ name }) => name));
    this.problem.hidden = filterProblem === undefined;
    setText(this.problem, filterProblem ?? '');
    const drawn = JSON.stringify([this.data, compare.sort, baseline, rows.map(({ run }) => [this.dashboard.run(run).name, this.dashboard.run(run).color])]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.drawTable(this.data);
    this.noise.draw(this.data.noise, baseline && this.dashboard.run(baseline).name);
    this.drawDifferences(this.data);
  }

  destroy(): void {
    this.data = undefined;
  }

  private drawTable({ columns, rows }: CompareData): void {
    const focused = focusName(this.table);
    this.table.hidden = rows.length === 0;
    const body = rows.map(({ run, cells }) => h('tr', { class: run === this.dashboard.state.baseline ? 'baseline' : undefined },
      ...columns.map((column, i) => this.cell(column, run, cells[i] ?? null, i === 0))));
    this.table.replaceChildren(h('thead', {}, h('tr', {}, ...columns.map((column) => this.head(column)))), h('tbody', {}, ...body));
    restoreFocus(this.table, focused);
  }

  private head({ name, label }: CompareColumn): HTMLElement {
    const { sort } = this.dashboard.state.compare;
    const isSorted = sort?.column === name;
    const sign = isSorted ? (sort.descending ? ' ▾' : ' ▴') : '';
    const order = isSorted ? (sort.descending ? 'descending' : 'ascending') : 'none';
    return h('th', { scope: 'col', 'aria-sort': order }, plainButton(label + sign, `Sort by ${label}`, `sort ${name}`, () => this.change({ sort: nextSort(sort, name) })));
  }

  private cell({ name, kind }: CompareColumn, run: RunKey, value: Scalar, isFirst: boolean): HTMLElement {
    const text = kind === 'probe' && typeof value === 'number' ? formatShare(value) : cellText(value);
    const key = kind === 'config' ? name.replace(/^config:/, '') : undefined;
    if (!isFirst && key === undefined) return h('td', { title: typeof value === 'number' ? String(value) : undefined }, text);
    const hint = key === undefined ? `Open the config of ${text}` : openHint(key, this.dashboard.run(run).name, value);
    const link = plainButton(text, hint, `${run} ${name}`, () => this.dashboard.send({ type: 'open-config', run, ...(key !== undefined && { key }) }));
    if (!isFirst) return h('td', {}, link);
    this.dressAsRun(link, run);
    return h('th', { scope: 'row' }, h('div', { class: 'run-cell' }, link, ...this.diffButton(run)));
  }

  private dressAsRun(element: HTMLElement, run: RunKey): void {
    const { name, color } = this.dashboard.run(run);
    element.classList.add('run-link');
    element.replaceChildren(swatch(color), h('span', { class: 'run-link-name' }, name));
  }

  private diffButton(run: RunKey): HTMLElement[] {
    const { baseline } = this.dashboard.state;
    if (baseline === undefined || baseline === run) return [];
    return [plainButton('diff', `Compare the configs of ${this.dashboard.run(baseline).name} and ${this.dashboard.run(run).name}`, `diff ${run}`, () => this.dashboard.send({ type: 'diff-configs', left: baseline, right: run }))];
  }

  private drawDifferences({ rows, differences }: CompareData): void {
    this.differing.hidden = differences.length === 0;
    const focused = focusName(this.differences);
    const head = h('tr', {}, h('th', { scope: 'col' }, 'Key'), ...rows.map(({ run }) => this.runHead(run)));
    const body = differences.map(({ key, values }) => h('tr', {}, h('th', { scope: 'row' }, key), ...rows.map(({ run }, i) => {
      const open = () => this.dashboard.send({ type: 'open-config', run, key });
      return h('td', {}, plainButton(cellText(values[i] ?? null), openHint(key, this.dashboard.run(run).name, values[i] ?? null), `${run} ${key}`, open));
    })));
    this.differences.replaceChildren(h('thead', {}, head), h('tbody', {}, ...body));
    restoreFocus(this.differences, focused);
  }

  private runHead(run: RunKey): HTMLElement {
    const name = h('span', { title: this.dashboard.run(run).name });
    this.dressAsRun(name, run);
    return h('th', { scope: 'col' }, name);
  }

  private change(part: Partial<Options>): void {
    this.dashboard.change({ compare: { ...this.dashboard.state.compare, ...part } });
  }

  private save(format: 'csv' | 'markdown'): void {
    if (!this.data) return;
    const table: Table = [this.data.columns.map(({ label }) => label), ...this.data.rows.map(({ cells }) => cells)];
    this.dashboard.send({ type: 'export', format, name: 'runs', content: format === 'csv' ? toCsv(table) : toMarkdown(table) });
  }
}

/** Descending, ascending, as selected. */
function nextSort(sort: Options['sort'], column: string): Options['sort'] {
  if (sort?.column !== column) return { column, descending: true };
  return sort.descending ? { column, descending: false } : undefined;
}

function cellText(value: Scalar): string {
  return typeof value === 'number' ? formatNumber(value) : value === null ? '–' : String(value);
}

/** With the whole value, which a cell may cut. */
function openHint(key: string, run: string, value: Scalar): string {
  return `${cellText(value)}\nOpen ${key} in the config of ${run}`;
}

function plainButton(text: string, label: string, name: string, onClick: () => void): HTMLButtonElement {
  const element = h('button', { type: 'button', class: 'plain', title: label }, h('span', { class: 'cell-text' }, text));
  element.dataset['name'] = name;
  element.addEventListener('click', onClick);
  return element;
}

function scroll(label: string, table: HTMLElement): HTMLElement {
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label }, table);
}

/** Tables are made anew when values change; the focus goes on where it was. */
function focusName(table: HTMLElement): string | undefined {
  const { activeElement } = document;
  return activeElement instanceof HTMLElement && table.contains(activeElement) ? activeElement.dataset['name'] : undefined;
}

function restoreFocus(table: HTMLElement, name: string | undefined): void {
  if (name !== undefined) [...table.querySelectorAll('button')].find((element) => element.dataset['name'] === name)?.focus();
}
