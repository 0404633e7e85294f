/** What stands around every chart: title, tools, canvas, the same data as a table, and what a screen reader hears. */
import { h, setText } from '../dom';
import './charts.css';
import { readTheme } from './theme';

export interface ChartTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Where the table holds less than the chart. */
  readonly caption?: string;
}

export interface FrameOptions {
  readonly title: string;
  /** What the chart shows, in a sentence. */
  readonly label: string;
  /** Pixels; 220 unless given. */
  readonly height?: number;
  /** Offers a PNG of the chart: base64 without prefix. */
  readonly onPng?: (name: string, content: string) => void;
}

/** What every chart function returns; `update` redraws in place. */
export interface ChartHandle<Data extends readonly unknown[]> {
  update(...data: Data): void;
  destroy(): void;
  /** The chart with its title on the theme's background: base64 without prefix. */
  toPng(): string;
}

export class Frame {
  readonly figure = h('figure', { class: 'chart' });
  readonly canvas = h('canvas', { tabindex: '0', role: 'img' });
  readonly plot = h('div', { class: 'chart-plot' });
  /** Below the plot: legends, colour scales. */
  readonly foot = h('div', {});
  private readonly title = h('span', { class: 'chart-title' });
  private readonly tools = h('span', {});
  private readonly spoken = h('span', { class: 'visually-hidden', role: 'status' });
  private readonly table = h('div', { class: 'chart-table', tabindex: '0', role: 'region', hidden: true });
  private readonly tableButton: HTMLButtonElement;
  private content: () => ChartTable = () => ({ columns: [], rows: [] });

  constructor(container: HTMLElement, private options: FrameOptions, private readonly takePng: () => string) {
    this.tableButton = this.tool('Table', () => this.toggleTable());
    this.tableButton.setAttribute('aria-pressed', 'false');
    if (options.onPng) this.tool('PNG', () => this.options.onPng?.(this.options.title, this.takePng()));
    this.plot.append(this.canvas);
    this.figure.append(h('figcaption', { class: 'chart-head' }, this.title, this.tools), this.plot, this.foot, this.table, this.spoken);
    container.append(this.figure);
    this.describe(options);
  }

  describe(options: FrameOptions): void {
    this.options = options;
    setText(this.title, options.title);
    this.title.title = options.title;
    this.canvas.setAttribute('aria-label', options.label);
    this.table.setAttribute('aria-label', `${options.title}, as a table`);
    this.plot.style.height = `${options.height ?? 220}px`;
  }

  tool(text: string, onClick: () => void): HTMLButtonElement {
    const button = h('button', { type: 'button', class: 'chart-tool' }, text);
    button.setAttribute('aria-label', `${text}: ${this.options.title}`);
    button.addEventListener('click', onClick);
    this.tools.append(button);
    return button;
  }

  /** The table is made only while it is looked at. */
  setTable(content: () => ChartTable): void {
    this.content = content;
    if (!this.table.hidden) this.fillTable();
  }

  say(text: string): void {
    setText(this.spoken, text);
  }

  get showsTable(): boolean {
    return !this.table.hidden;
  }

  remove(): void {
    this.figure.remove();
  }

  private toggleTable(): void {
    this.table.hidden = !this.table.hidden;
    this.plot.hidden = !this.table.hidden;
    this.foot.hidden = !this.table.hidden;
    this.tableButton.setAttribute('aria-pressed', String(this.showsTable));
    if (this.showsTable) this.fillTable();
  }

  private fillTable(): void {
    const { columns, rows, caption } = this.content();
    const head = h('thead', {}, h('tr', {}, ...columns.map((name) => h('th', { scope: 'col' }, name))));
    const body = h('tbody', {}, ...rows.map(([first, ...rest]) =>
      h('tr', {}, h('th', { scope: 'row' }, first ?? ''), ...rest.map((cell) => h('td', {}, cell)))));
    const note = caption === undefined ? undefined : h('caption', {}, caption);
    this.table.replaceChildren(h('table', {}, note, head, body));
  }
}

export interface PngLegend {
  readonly label: string;
  readonly hue: number;
  readonly dash: readonly number[];
}

/** Puts a title above the drawn canvas, a legend below and the background behind: base64 without prefix. */
export function composePng(canvas: HTMLCanvasElement, title: string, legend: readonly PngLegend[] = []): string {
  const theme = readTheme();
  const scale = canvas.width / Math.max(1, canvas.clientWidth || canvas.width);
  const line = 18 * scale;
  const out = document.createElement('canvas');
  const legendFont = `${12 * scale}px ${theme.font}`;
  const entryWidth = widest(out, legendFont, legend) + 50 * scale;
  const perRow = Math.max(1, Math.floor(canvas.width / entryWidth));
  out.width = canvas.width + 16 * scale;
  out.height = canvas.height + line * (2 + Math.ceil(legend.length / perRow));
  const context = out.getContext('2d')!;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, out.width, out.height);
  context.fillStyle = theme.text;
  context.textBaseline = 'middle';
  context.font = `600 ${13 * scale}px ${theme.font}`;
  context.fillText(title, 8 * scale, line * 0.75, canvas.width);
  context.drawImage(canvas, 8 * scale, line * 1.5);
  context.font = legendFont;
  context.lineWidth = 2 * scale;
  legend.forEach((entry, index) => {
    const x = 8 * scale + (index % perRow) * entryWidth;
    const y = canvas.height + line * (2 + Math.floor(index / perRow));
    context.strokeStyle = theme.series[entry.hue] ?? theme.text;
    context.setLineDash(entry.dash.map((length) => length * scale));
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + 28 * scale, y);
    context.stroke();
    context.fillText(entry.label, x + 34 * scale, y, out.width - x - 42 * scale);
  });
  return out.toDataURL('image/png').replace(/^data:image\/png;base64,/, '');
}

/** Pixels of the longest label. */
function widest(canvas: HTMLCanvasElement, font: string, legend: readonly PngLegend[]): number {
  const context = canvas.getContext('2d')!;
  context.font = font;
  return legend.reduce((width, { label }) => Math.max(width, context.measureText(label).width), 0);
}
