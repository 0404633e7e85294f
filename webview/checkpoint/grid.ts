/**
 * A grid or tree grid of any number of rows that makes elements only for those in the window. It scrolls with the page.
 * Focus stays on the grid and points at a row (aria-activedescendant), so that rows may come and go.
 */
import { h, setAttributes } from '../dom';
import type { GridColumn, GridRow } from './grid-row';

export interface GridOptions {
  readonly label: string;
  readonly role: 'grid' | 'treegrid';
  readonly columns: readonly GridColumn[];
  /** The user moved to a row. */
  readonly onSelect: (key: string) => void;
  /** The user opened or closed a row of a tree. */
  readonly onToggle?: (key: string, isExpanded: boolean) => void;
}

/** Pixels; the style sheet says the same. */
const ROW_HEIGHT = 22;
const SPARE_ROWS = 10;

let made = 0;

export class Grid {
  readonly element: HTMLElement;
  private readonly body = h('div', { class: 'grid-body', role: 'rowgroup' });
  private readonly id = `grid-${++made}`;
  private rows: readonly GridRow[] = [];
  private selected: string | undefined;
  private scheduled = false;

  constructor(private readonly options: GridOptions) {
    const head = h('div', { class: 'grid-row grid-head', role: 'row', 'aria-rowindex': 1 }, ...options.columns.map((column) =>
      h('span', { role: 'columnheader', class: column.isNumber ? 'number' : undefined }, column.label)));
    this.element = h('div', { class: 'grid', role: options.role, tabindex: 0, 'aria-label': options.label, 'aria-readonly': 'true' }, h('div', { role: 'rowgroup', class: 'grid-top' }, head), this.body);
    this.element.addEventListener('keydown', (event) => this.key(event));
    this.body.addEventListener('click', (event) => this.click(event));
    window.addEventListener('scroll', () => this.schedule(), { passive: true });
    window.addEventListener('resize', () => this.schedule());
    // What is above the grid may open and close.
    new ResizeObserver(() => this.schedule()).observe(document.body);
  }

  /** @param selected key of the row that is pointed at; undefined or unknown: none */
  update(rows: readonly GridRow[], selected: string | undefined): void {
    this.rows = rows;
    this.selected = selected;
    this.body.style.height = `${rows.length * ROW_HEIGHT}px`;
    setAttributes(this.element, { 'aria-rowcount': rows.length + 1 });
    this.draw();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.scheduled = false;
    const top = this.body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / ROW_HEIGHT) - SPARE_ROWS);
    const last = Math.min(this.rows.length, Math.ceil((window.innerHeight - top) / ROW_HEIGHT) + SPARE_ROWS);
    const shown = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
    // What is pointed at must exist, wherever the page is scrolled to.
    const pointed = this.index();
    if (pointed >= 0 && !shown.includes(pointed)) shown.push(pointed);
    this.body.replaceChildren(...shown.map((index) => this.rowElement(this.rows[index]!, index)));
    setAttributes(this.element, { 'aria-activedescendant': pointed >= 0 ? this.rowId(pointed) : undefined });
  }

  private rowElement({ key, cells, warning, tree }: GridRow, index: number): HTMLElement {
    const row = h('div', {
      class: warning === undefined ? 'grid-row' : 'grid-row grid-warning',
      id: this.rowId(index),
      role: 'row',
      'aria-rowindex': index + 2,
      'aria-selected': key === this.selected ? 'true' : 'false',
      'aria-level': tree?.level,
      'aria-posinset': tree?.position,
      'aria-setsize': tree?.size,
      'aria-expanded': tree?.isExpanded === undefined ? undefined : String(tree.isExpanded),
      title: warning,
    });
    const role = 'gridcell';
    row.append(...cells.map((text, column) => h('span', { role, class: this.options.columns[column]!.isNumber ? 'number' : undefined, title: column === 0 ? text : undefined }, text)));
    row.style.top = `${index * ROW_HEIGHT}px`;
    if (tree) row.style.setProperty('--level', String(tree.level - 1));
    return row;
  }

  private rowId(index: number): string {
    return `${this.id}-${index}`;
  }

  private index(): number {
    return this.selected === undefined ? -1 : this.rows.findIndex(({ key }) => key === this.selected);
  }

  private click(event: MouseEvent): void {
    const row = (event.target as Element).closest<HTMLElement>('.grid-row');
    const index = row ? Number(row.id.slice(this.id.length + 1)) : -1;
    if (!this.rows[index]) return;
    this.select(index);
    this.toggle(index);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.index();
    const page = Math.max(1, Math.floor(window.innerHeight / ROW_HEIGHT) - 4);
    const moves: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.rows.length - 1, PageDown: at + page, PageUp: at - page };
    const target = moves[event.key];
    if (target !== undefined) this.move(target);
    else if (event.key === 'ArrowRight') this.openOrEnter(at);
    else if (event.key === 'ArrowLeft') this.closeOrLeave(at);
    else if (event.key === 'Enter' || event.key === ' ') this.toggle(at);
    else return;
    event.preventDefault();
  }

  private move(target: number): void {
    if (this.rows.length === 0) return;
    this.select(Math.min(this.rows.length - 1, Math.max(0, target)));
  }

  private select(index: number): void {
    this.selected = this.rows[index]!.key;
    this.draw();
    document.getElementById(this.rowId(index))?.scrollIntoView({ block: 'nearest' });
    this.options.onSelect(this.selected);
  }

  private toggle(index: number): void {
    const row = this.rows[index];
    if (row?.tree?.isExpanded !== undefined) this.options.onToggle?.(row.key, !row.tree.isExpanded);
  }

  private openOrEnter(index: number): void {
    const isExpanded = this.rows[index]?.tree?.isExpanded;
    if (isExpanded === true) this.move(index + 1);
    else if (isExpanded === false) this.toggle(index);
  }

  private closeOrLeave(index: number): void {
    const tree = this.rows[index]?.tree;
    if (!tree) return;
    if (tree.isExpanded) this.toggle(index);
    else for (let at = index - 1; at >= 0; at--) if (this.rows[at]!.tree!.level < tree.level) return this.select(at);
  }
}
