/** What every run has at the cursor: a table, a row a run and a column a metric. */
import type { RunKey, RunRow, Series } from '../../../extension/core/protocol/dashboard';
import type { SharedCursor } from '../../charts/cursor';
import { formatNumber, valueAt } from '../../charts/numbers';
import { swatch } from '../../charts/run-mark';
import { h, setText } from '../../dom';

export interface ReadoutContent {
  readonly runs: readonly RunRow[];
  readonly metrics: readonly { readonly name: string; readonly label: string }[];
  readonly series: readonly Series[];
  /** The cursor's place as the user reads it. */
  readonly where: (x: number) => string;
}

interface Cell {
  readonly element: HTMLElement;
  readonly series: Series | undefined;
}

export class Readout {
  private readonly title = h('h2', {});
  private readonly table = h('table', {});
  readonly element = h('section', { class: 'readout', 'aria-label': 'Values at the cursor' }, this.title,
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Values of all runs at the cursor' }, this.table));
  private readonly stop: () => void;
  private cells: Cell[] = [];
  private where: ReadoutContent['where'] = String;
  private frame = 0;

  constructor(private readonly cursor: SharedCursor, private readonly open: (run: RunKey) => void) {
    this.stop = cursor.listen(() => {
      // The pointer moves more often than the screen is drawn.
      if (this.frame === 0) this.frame = requestAnimationFrame(() => this.fill());
    });
  }

  render({ runs, metrics, series, where }: ReadoutContent): void {
    this.where = where;
    this.cells = [];
    const lines = new Map(series.map((line) => [JSON.stringify([line.run, line.metric]), line]));
    const head = h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Run'), ...metrics.map(({ label }) => h('th', { scope: 'col' }, label))));
    const body = h('tbody', {}, ...runs.map((run) => h('tr', {}, h('th', { scope: 'row' }, this.name(run)), ...metrics.map(({ name }) => {
      const element = h('td', {});
      this.cells.push({ element, series: lines.get(JSON.stringify([run.key, name])) });
      return element;
    }))));
    const focused = document.activeElement instanceof HTMLElement && this.table.contains(document.activeElement) ? document.activeElement.dataset['run'] : undefined;
    this.table.replaceChildren(head, body);
    if (focused !== undefined) [...this.table.querySelectorAll('button')].find((button) => button.dataset['run'] === focused)?.focus();
    this.fill();
  }

  destroy(): void {
    this.stop();
    cancelAnimationFrame(this.frame);
  }

  private name(run: RunRow): HTMLElement {
    const button = h('button', { type: 'button', class: 'plain run-link', title: `Open the config of ${run.name}` }, swatch(run.color), h('span', { class: 'run-link-name' }, run.name));
    button.dataset['run'] = run.key;
    button.addEventListener('click', () => this.open(run.key));
    return button;
  }

  private fill(): void {
    this.frame = 0;
    const { x } = this.cursor;
    setText(this.title, x === undefined ? 'Last values' : `Values at ${this.where(x)}`);
    for (const { element, series } of this.cells) {
      const at = x ?? series?.x.at(-1);
      setText(element, formatNumber(series && at !== undefined ? valueAt(series.x, series.y, at) : undefined));
    }
  }
}
