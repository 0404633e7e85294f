/** Parallel coordinates: an axis a quantity, a line a thing that has a value of each; its colour is its last value. */
import type { ActiveElement, Chart as ChartJs, ChartConfiguration } from 'chart.js';
import { Chart, STILL, tooltipLook } from './engine';
import { composePng, Frame, type ChartHandle, type FrameOptions } from './frame';
import { onThemeChange, readTheme, type ChartTheme } from './theme';

export interface ParallelAxis {
  readonly label: string;
  /** One a line; with `places`, an index into them. */
  readonly values: readonly number[];
  /** Names of 0, 1, … where the values are no numbers. */
  readonly places?: readonly string[];
  readonly format: (value: number) => string;
}

export interface ParallelOptions extends FrameOptions {
  /** What `onPick` gets, one a line. */
  readonly ids: readonly (string | undefined)[];
  readonly onPick?: (id: string) => void;
}

export type ParallelChart = ChartHandle<[axes: readonly ParallelAxis[], options: ParallelOptions]>;

export function parallelChart(container: HTMLElement, axes: readonly ParallelAxis[], options: ParallelOptions): ParallelChart {
  return new Parallel(container, axes, options);
}

class Parallel implements ParallelChart {
  private readonly frame: Frame;
  private chart: ChartJs<'pcp', number[]>;
  private readonly stopTheme: () => void;
  /** Of the line the arrow keys stand on. */
  private chosen = -1;

  constructor(container: HTMLElement, private axes: readonly ParallelAxis[], private options: ParallelOptions) {
    this.frame = new Frame(container, options, () => this.toPng());
    this.chart = new Chart(this.frame.canvas, this.configuration());
    this.stopTheme = onThemeChange(() => this.draw());
    this.frame.canvas.addEventListener('keydown', (event) => this.key(event));
    this.describe();
  }

  update(axes: readonly ParallelAxis[], options: ParallelOptions): void {
    this.axes = axes;
    this.options = options;
    this.draw();
  }

  destroy(): void {
    this.stopTheme();
    this.chart.destroy();
    this.frame.remove();
  }

  toPng(): string {
    return composePng(this.frame.canvas, this.options.title);
  }

  /** The plugin ties an axis to its dataset when the chart is made, so new axes need a new chart. */
  private draw(): void {
    this.chart.destroy();
    this.chart = new Chart(this.frame.canvas, this.configuration());
    this.describe();
  }

  private describe(): void {
    this.frame.describe(this.options);
    this.frame.setTable(() => ({ columns: this.axes.map(({ label }) => label), rows: this.options.ids.map((_, line) => this.axes.map((axis) => textOf(axis, line))) }));
  }

  private configuration(): ChartConfiguration<'pcp', number[]> {
    const theme = readTheme();
    const last = this.axes.at(-1)!.values;
    const [low, high] = [Math.min(...last), Math.max(...last)];
    const paint = last.map((value) => shade(theme, high > low ? (value - low) / (high - low) : 1));
    const width = last.map((_, line) => (line === this.chosen ? 4 : 1.75));
    return {
      type: 'pcp',
      data: {
        labels: last.map(String),
        datasets: this.axes.map((axis) => ({
          label: axis.label, data: [...axis.values], borderColor: paint, hoverBorderColor: paint, borderWidth: width, ...rangeOf(axis),
          grid: { color: theme.grid, drawOnChartArea: false }, border: { color: theme.faint },
          ticks: { color: theme.text, font: { family: theme.font, size: 11 }, callback: (value: number) => tickText(axis, value), ...(axis.places && { stepSize: 1 }), maxTicksLimit: 8, textStrokeColor: theme.background, textStrokeWidth: 3 },
        })),
      },
      options: {
        ...STILL,
        layout: { padding: { left: 48, right: 48, top: 10 } },
        interaction: { mode: 'nearest', intersect: true },
        onClick: (_event: unknown, elements: readonly ActiveElement[]) => this.pick(elements[0]?.index),
        scales: { x: { type: 'pcp', offset: true, border: { display: false }, grid: { display: false }, ticks: { color: theme.text, font: { family: theme.font, size: 12 } } } },
        plugins: { tooltip: { ...tooltipLook(theme), callbacks: { title: () => '', label: ({ dataIndex }: { dataIndex: number }) => this.axes.map((axis) => `${axis.label} ${textOf(axis, dataIndex)}`) } } },
      },
    } as unknown as ChartConfiguration<'pcp', number[]>;
  }

  private key(event: KeyboardEvent): void {
    const count = this.options.ids.length;
    const moves: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    const move = moves[event.key];
    if (event.key === 'Enter') return this.pick(this.chosen);
    if (move === undefined || count === 0) return;
    event.preventDefault();
    this.chosen = this.chosen < 0 ? 0 : (this.chosen + move + count) % count;
    this.draw();
    this.frame.say(this.axes.map((axis) => `${axis.label} ${textOf(axis, this.chosen)}`).join(', '));
  }

  private pick(line: number | undefined): void {
    const id = line === undefined ? undefined : this.options.ids[line];
    if (id !== undefined) this.options.onPick?.(id);
  }
}

/** From blue to orange: both are readable on every theme's background, which a ramp of lightness is not. */
function shade({ series }: ChartTheme, share: number): string {
  return `color-mix(in oklab, ${series[1]!} ${Math.round(100 * share)}%, ${series[0]!})`;
}

/** Half a place of room where names stand, and a band where all values are the same. */
function rangeOf({ values, places }: ParallelAxis): { readonly min: number; readonly max: number } {
  if (places) return { min: -0.5, max: places.length - 0.5 };
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return { min: low - room, max: high + room };
}

function tickText({ places, format }: ParallelAxis, value: number): string {
  return places ? (places[value] ?? '') : format(value);
}

function textOf(axis: ParallelAxis, line: number): string {
  const value = axis.values[line]!;
  return axis.places ? (axis.places[value] ?? '') : axis.format(value);
}
