/** Curves of many runs over one x axis, with a cursor shared with the charts beside it. */
import type { ChartConfiguration, ChartEvent, Point } from 'chart.js';
import { h, setText } from '../dom';
import type { SharedCursor } from './cursor';
import { CursorTip } from './cursor-tip';
import { axisLook, Chart, STILL, translucent } from './engine';
import { composePng, Frame, type ChartHandle, type ChartTable, type FrameOptions } from './frame';
import { extent, lineDatasets, notPositive, pixelDistance } from './line-data';
import { formatNumber, valueAt } from './numbers';
import { runMark, swatch } from './run-mark';
import { onThemeChange, readTheme } from './theme';

export interface Line {
  /** What `onPick` gets. */
  readonly id: string;
  readonly label: string;
  /** The run's index into the palette. */
  readonly color: number;
  /** Ascending. */
  readonly x: readonly number[];
  /** null and NaN are gaps. */
  readonly y: readonly (number | null)[];
  /** Extent of each point before smoothing or decimation, drawn as a band. */
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}

export interface LinesOptions extends FrameOptions {
  readonly xLabel: string;
  /** Steps: there is nothing to mark between two. */
  readonly wholeX?: boolean;
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Visible part of x; all of it unless given. */
  readonly range?: readonly [number, number];
  readonly cursor: SharedCursor;
  /** Names the curves below the chart, where nothing else on the page does. */
  readonly legend?: boolean;
  readonly formatX?: (x: number) => string;
  readonly formatY?: (y: number) => string;
  /** The user zoomed or panned; undefined: back to everything. */
  readonly onRange?: (range: readonly [number, number] | undefined) => void;
  /** The user clicked a curve, or pressed Enter on it. */
  readonly onPick?: (id: string) => void;
}

export type LinesChart = ChartHandle<[lines: readonly Line[], options: LinesOptions]>;

/** How far from a curve, in pixels, a click still means it. */
const REACH = 24;
const TABLE_ROWS = 50;

export function linesChart(container: HTMLElement, lines: readonly Line[], options: LinesOptions): LinesChart {
  return new Lines(container, lines, options);
}

class Lines implements LinesChart {
  private readonly frame: Frame;
  private readonly chart: Chart<'line', Point[]>;
  private readonly cursorLine = h('div', { class: 'chart-cursor', hidden: true });
  private readonly legend = h('div', { class: 'chart-legend' });
  private readonly note = h('div', { class: 'chart-note', hidden: true });
  private readonly tip = new CursorTip();
  private readonly reset: HTMLButtonElement;
  private readonly ends: (() => void)[] = [];
  /** Of the line the arrow keys stand on. */
  private chosen = 0;
  private pressedAt = 0;

  constructor(container: HTMLElement, private lines: readonly Line[], private options: LinesOptions) {
    this.frame = new Frame(container, options, () => this.toPng());
    this.frame.plot.append(this.cursorLine, this.tip.element);
    this.frame.foot.append(this.legend, this.note);
    this.reset = this.frame.tool('Reset zoom', () => this.options.onRange?.(undefined));
    this.chart = new Chart(this.frame.canvas, this.configuration());
    this.ends.push(onThemeChange(() => this.draw()), options.cursor.listen(() => this.placeCursor()));
    this.frame.canvas.addEventListener('pointermove', (event) => this.point(event));
    for (const leaving of ['pointerleave', 'blur']) this.frame.canvas.addEventListener(leaving, () => this.tip.hide());
    this.frame.canvas.addEventListener('pointerdown', (event) => (this.pressedAt = event.offsetX));
    this.frame.canvas.addEventListener('keydown', (event) => this.key(event));
    this.describe();
  }

  update(lines: readonly Line[], options: LinesOptions): void {
    this.lines = lines;
    this.options = options;
    this.draw();
  }

  destroy(): void {
    for (const end of this.ends) end();
    this.chart.destroy();
    this.frame.remove();
  }

  toPng(): string {
    return composePng(this.chart.canvas, this.options.title, this.lines.map(({ label, color }) => ({ label, ...runMark(color) })));
  }

  private draw(): void {
    const { data, options } = this.configuration();
    this.chart.data.datasets = data.datasets;
    this.chart.options = options!;
    this.chart.update('none');
    this.describe();
  }

  /** All that stands around what Chart.js draws. */
  private describe(): void {
    const { options } = this;
    this.frame.describe(options);
    this.frame.setTable(() => this.table());
    this.legend.replaceChildren(...(options.legend ? this.lines.map(({ label, color }) => h('span', {}, swatch(color), label)) : []));
    this.reset.hidden = options.range === undefined;
    const left = options.logY ? notPositive(this.lines) : 0;
    this.note.hidden = left === 0;
    setText(this.note, `${left} ${left === 1 ? 'value' : 'values'} at or below 0 cannot stand on a log axis.`);
    this.placeCursor();
  }

  private configuration(): ChartConfiguration<'line', Point[]> {
    const { options } = this;
    const theme = readTheme();
    const xLook = axisLook(theme, { title: options.xLabel, grid: false, format: options.formatX ?? formatNumber });
    const yLook = axisLook(theme, { format: options.formatY ?? formatNumber, maxTicks: 5 });
    const [min, max] = options.range ?? extent(this.lines, options.logX ?? false);
    return {
      type: 'line',
      data: { datasets: this.lines.flatMap((line) => lineDatasets(line, theme, options)) },
      options: {
        ...STILL,
        parsing: false,
        events: ['click'],
        onClick: (event) => this.click(event),
        scales: {
          x: { ...xLook, type: options.logX ? 'logarithmic' : 'linear', min, max, ticks: { ...xLook.ticks, ...(options.wholeX && { precision: 0 }) } },
          y: { ...yLook, type: options.logY ? 'logarithmic' : 'linear', afterFit: (scale) => (scale.width = Math.max(scale.width, 48)) },
        },
        plugins: {
          tooltip: { enabled: false },
          zoom: {
            pan: { enabled: true, mode: 'x', modifierKey: 'shift', onPanComplete: ({ chart }) => this.tellRange(chart.scales.x!) },
            zoom: {
              mode: 'x',
              wheel: { enabled: true, modifierKey: 'ctrl' },
              pinch: { enabled: true },
              drag: { enabled: true, threshold: 6, backgroundColor: translucent(theme.series[0]!, 0.25) },
              onZoomComplete: ({ chart }) => this.tellRange(chart.scales.x!),
            },
          },
        },
      },
    };
  }

  private tellRange({ min, max }: { min: number; max: number }): void {
    this.options.onRange?.([min, max]);
  }

  private point(event: PointerEvent): void {
    const { left, right } = this.chart.chartArea;
    if (event.offsetX < left || event.offsetX > right) return this.tip.hide();
    this.options.cursor.set(this.chart.scales.x!.getValueForPixel(event.offsetX));
    this.showTip(this.nearest({ x: event.offsetX, y: event.offsetY })?.index);
  }

  /** Highest value first, as the curves stand. */
  private showTip(chosen: number | undefined): void {
    const { x } = this.options.cursor;
    if (x === undefined) return this.tip.hide();
    const formatY = this.options.formatY ?? formatNumber;
    const rows = this.lines
      .map((line, index) => ({ index, label: line.label, color: line.color, y: valueAt(line.x, line.y, x) }))
      .filter(({ y }) => y !== undefined)
      .sort((a, b) => b.y! - a.y!)
      .map(({ y, ...row }) => ({ ...row, value: formatY(y!) }));
    if (rows.length === 0) return this.tip.hide();
    const nearest = rows.findIndex(({ index }) => index === chosen);
    this.tip.show(`${this.options.xLabel} ${this.textOfX(x)}`, rows, nearest < 0 ? undefined : nearest, { x: this.chart.scales.x!.getPixelForValue(x), width: this.chart.width });
  }

  private nearest(place: { readonly x: number; readonly y: number }): { readonly index: number; readonly distance: number } | undefined {
    const { x, y } = this.chart.scales;
    const curves = this.chart.data.datasets.filter(({ label }) => label !== undefined);
    return curves
      .map(({ data }, index) => ({ index, distance: pixelDistance(data, place, [(value) => x!.getPixelForValue(value), (value) => y!.getPixelForValue(value)]) }))
      .sort((a, b) => a.distance - b.distance)[0];
  }

  private click(event: ChartEvent): void {
    if (event.x === null || event.y === null || Math.abs(event.x - this.pressedAt) > 4) return;
    const near = this.nearest({ x: event.x, y: event.y });
    if (near && near.distance <= REACH) this.options.onPick?.(this.lines[near.index]!.id);
  }

  private key(event: KeyboardEvent): void {
    const { cursor } = this.options;
    const scale = this.chart.scales.x!;
    const moves: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 };
    const move = moves[event.key];
    if (move !== undefined) {
      const { left, right } = this.chart.chartArea;
      const from = cursor.x === undefined ? right : scale.getPixelForValue(cursor.x);
      const to = from + (move * (right - left)) / (event.shiftKey ? 10 : 100);
      cursor.set(scale.getValueForPixel(Math.min(right, Math.max(left, to))));
    } else if (event.key === 'Home') cursor.set(scale.min);
    else if (event.key === 'End') cursor.set(scale.max);
    else if (event.key === 'Escape') cursor.set(undefined);
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') this.chosen += event.key === 'ArrowDown' ? 1 : this.lines.length - 1;
    else if (event.key === 'Enter') return this.pickChosen();
    else if (event.key === '+' || event.key === '=') this.zoomBy(0.5);
    else if (event.key === '-') this.zoomBy(2);
    else if (event.key === '0') this.options.onRange?.(undefined);
    else return;
    event.preventDefault();
    this.speak();
    this.showTip(this.chosen % Math.max(1, this.lines.length));
  }

  private zoomBy(factor: number): void {
    const { min, max } = this.chart.scales.x!;
    const centre = this.options.cursor.x ?? (min + max) / 2;
    const [low, high] = extent(this.lines, this.options.logX ?? false);
    const at = (end: number) => centre + (end - centre) * factor;
    this.options.onRange?.([Math.max(low ?? min, at(min)), Math.min(high ?? max, at(max))]);
  }

  private pickChosen(): void {
    const line = this.line();
    if (line) this.options.onPick?.(line.id);
  }

  private line(): Line | undefined {
    return this.lines[this.chosen % Math.max(1, this.lines.length)];
  }

  private speak(): void {
    const line = this.line();
    if (!line) return;
    const x = this.options.cursor.x ?? line.x.at(-1) ?? 0;
    this.frame.say(`${line.label}: ${(this.options.formatY ?? formatNumber)(valueAt(line.x, line.y, x) ?? Number.NaN)} at ${this.options.xLabel} ${this.textOfX(x)}`);
  }

  private textOfX(x: number): string {
    return (this.options.formatX ?? formatNumber)(this.options.wholeX ? Math.round(x) : x);
  }

  private placeCursor(): void {
    const { x } = this.options.cursor;
    const scale = this.chart.scales.x;
    const hidden = x === undefined || scale === undefined || x < scale.min || x > scale.max;
    this.cursorLine.hidden = hidden;
    if (hidden) return;
    const { top, bottom } = this.chart.chartArea;
    this.cursorLine.style.transform = `translate(${scale.getPixelForValue(x)}px, ${top}px)`;
    this.cursorLine.style.height = `${bottom - top}px`;
  }

  private table(): ChartTable {
    const xs = [...new Set(this.lines.flatMap(({ x }) => x))].sort((a, b) => a - b);
    const shown = xs.length <= TABLE_ROWS ? xs : Array.from({ length: TABLE_ROWS }, (_, i) => xs[Math.round((i * (xs.length - 1)) / (TABLE_ROWS - 1))]!);
    const formatX = this.options.formatX ?? formatNumber;
    const formatY = this.options.formatY ?? formatNumber;
    return {
      columns: [this.options.xLabel, ...this.lines.map(({ label }) => label)],
      rows: shown.map((x) => [formatX(x), ...this.lines.map((line) => formatY(valueAt(line.x, line.y, x) ?? Number.NaN))]),
      ...(shown.length < xs.length && { caption: `${shown.length} of ${xs.length} points` }),
    };
  }
}
