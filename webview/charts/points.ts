/** Measured points with means and intervals over one axis: repeated measurements, holes and failures stay visible. */
import type { ActiveElement, Chart as ChartJs, ChartConfiguration, Scale } from 'chart.js';
import type { AnnotationOptions } from 'chartjs-plugin-annotation';
import { h } from '../dom';
import { axisLook, Chart, STILL, tooltipLook } from './engine';
import { composePng, Frame, type ChartHandle, type ChartTable, type FrameOptions } from './frame';
import { formatNumber } from './numbers';
import { pointDatasets, pointsExtent, type PointDataset, type PointKind, type PointsExtent } from './point-data';
import { runMark, swatch } from './run-mark';
import { onThemeChange, readTheme, type ChartTheme } from './theme';

export interface MeasuredPoint {
  /** What `onPick` gets; absent where there is nothing to open. */
  readonly id?: string;
  readonly x: number;
  /** Absent for what has no value: it stands at the foot of the chart. */
  readonly y?: number;
  readonly kind: 'measured' | 'running' | 'failed' | 'missing';
  /** What the tooltip and a screen reader say. */
  readonly text: string;
}

export interface MeanPoint {
  readonly x: number;
  readonly y: number;
  readonly interval?: readonly [number, number];
  readonly text: string;
}

/** Points of one colour. A line joins the means or, where there are none, the points with a value. */
export interface PointGroup {
  readonly label: string;
  /** Index into the palette. */
  readonly color: number;
  readonly points: readonly MeasuredPoint[];
  /** Ascending in x. */
  readonly means: readonly MeanPoint[];
}

export interface PointsOptions extends FrameOptions {
  readonly xLabel: string;
  /** Names of the places 0, 1, … where x is no number. */
  readonly places?: readonly string[];
  /** Horizontal lines to compare with. */
  readonly references: readonly { readonly label: string; readonly y: number }[];
  readonly formatY: (y: number) => string;
  /** What y can be at all. */
  readonly bounds?: readonly [number, number];
  readonly table: () => ChartTable;
  readonly onPick?: (id: string) => void;
}

export type PointsChart = ChartHandle<[groups: readonly PointGroup[], options: PointsOptions]>;

/** With more places, the axis chooses its ticks itself. */
const MOST_PLACES = 12;
/** References nearer to each other than this share of the axis are named together. */
const NEAR = 0.045;
/** Signs as they are drawn. */
const SIGNS = { running: '○ running', failed: '✕ failed', missing: '◇ no result' } as const;

const REFERENCE_DASHES: readonly number[][] = [[8, 4], [2, 3], [10, 3, 2, 3]];

export function pointsChart(container: HTMLElement, groups: readonly PointGroup[], options: PointsOptions): PointsChart {
  return new Points(container, groups, options);
}

class Points implements PointsChart {
  private readonly frame: Frame;
  private readonly chart: ChartJs<PointKind>;
  private readonly legend = h('div', { class: 'chart-legend' });
  private readonly stopTheme: () => void;
  /** Among all points, from left to right, where the arrow keys stand. */
  private chosen = -1;

  constructor(container: HTMLElement, private groups: readonly PointGroup[], private options: PointsOptions) {
    this.frame = new Frame(container, options, () => this.toPng());
    this.frame.foot.append(this.legend);
    this.chart = new Chart<PointKind>(this.frame.canvas, this.configuration());
    this.stopTheme = onThemeChange(() => this.draw());
    this.frame.canvas.addEventListener('keydown', (event) => this.key(event));
    this.draw();
  }

  update(groups: readonly PointGroup[], options: PointsOptions): void {
    this.groups = groups;
    this.options = options;
    this.draw();
  }

  destroy(): void {
    this.stopTheme();
    this.chart.destroy();
    this.frame.remove();
  }

  toPng(): string {
    // A picture shows the results, not where the pointer was.
    this.chart.setActiveElements([]);
    this.chart.tooltip?.setActiveElements([], { x: 0, y: 0 });
    this.chart.update('none');
    return composePng(this.frame.canvas, this.options.title, this.groups.map(({ label, color }) => ({ label, ...runMark(color) })));
  }

  private draw(): void {
    this.frame.describe(this.options);
    this.frame.setTable(this.options.table);
    const kinds = new Set(this.groups.flatMap(({ points }) => points.map(({ kind }) => kind)));
    const signs = (['running', 'failed', 'missing'] as const).filter((kind) => kinds.has(kind)).map((kind) => h('span', {}, SIGNS[kind]));
    this.legend.replaceChildren(...(this.groups.length > 1 ? this.groups.map(({ label, color }) => h('span', {}, swatch(color), label)) : []), ...signs);
    const { data, options } = this.configuration();
    this.chart.data.datasets = data.datasets;
    this.chart.options = options!;
    this.chart.update('none');
  }

  private configuration(): ChartConfiguration<PointKind> {
    const { groups, options } = this;
    const theme = readTheme();
    const extent = pointsExtent(groups, options.references.map(({ y }) => y), options.bounds);
    const { places } = options;
    const xLook = axisLook(theme, { title: options.xLabel, grid: false, format: places ? (at) => places[at] ?? '' : formatNumber, ...(places && { maxTicks: places.length }) });
    const yLook = axisLook(theme, { maxTicks: 6, format: (y) => (y === extent.foot ? 'no result' : options.formatY(y)) });
    const xs = [...new Set(groups.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
    const measuredOnly = xs.length <= MOST_PLACES && { afterBuildTicks: (scale: Scale) => (scale.ticks = xs.map((value) => ({ value }))) };
    return {
      type: 'scatter',
      data: { datasets: groups.flatMap((group, index) => pointDatasets(group, index, groups.length, theme, extent)) },
      options: {
        ...STILL,
        normalized: false,
        onClick: (_event, elements) => this.pick(elements),
        scales: {
          x: { ...xLook, ...measuredOnly, type: 'linear', min: extent.x[0], max: extent.x[1], ticks: { ...xLook.ticks, ...(places && { stepSize: 1 }), includeBounds: false } },
          y: { ...yLook, type: 'linear', min: extent.y[0], max: extent.y[1], ticks: { ...yLook.ticks, includeBounds: false }, afterBuildTicks: (scale: Scale) => standFoot(scale, extent) },
          ...(options.references.length > 0 && { right: this.referenceAxis(theme, extent) }),
        },
        plugins: {
          tooltip: { ...tooltipLook(theme), callbacks: { title: () => '', label: (item) => (item.dataset as PointDataset).texts?.[item.dataIndex] ?? '' } },
          annotation: { annotations: [...this.referenceLines(theme), ...footLine(theme, extent)] },
        },
      },
    } as ChartConfiguration<PointKind>;
  }

  private referenceLines(theme: ChartTheme): AnnotationOptions[] {
    return this.options.references.map(({ y }, index) => ({ type: 'line', yMin: y, yMax: y, borderColor: theme.faint, borderWidth: 1.5, borderDash: REFERENCE_DASHES[index % REFERENCE_DASHES.length]! }));
  }

  /** Names the references outside the plot, where they cover no point. */
  private referenceAxis(theme: ChartTheme, { y: [min, max] }: PointsExtent) {
    const names = new Map<number, string>();
    let last = -Infinity;
    for (const { label, y } of this.options.references.toSorted((a, b) => a.y - b.y)) {
      const name = `${label} ${this.options.formatY(y)}`;
      if (y - last < NEAR * (max - min)) names.set(last, `${names.get(last)!}, ${name}`);
      else names.set((last = y), name);
    }
    const look = axisLook(theme, { grid: false, format: (y) => names.get(y) ?? '' });
    return { ...look, type: 'linear' as const, position: 'right' as const, min, max, border: { display: false }, ticks: { ...look.ticks, color: theme.text, autoSkip: false }, afterBuildTicks: (scale: Scale) => (scale.ticks = [...names.keys()].map((value) => ({ value }))) };
  }

  private pick(elements: readonly ActiveElement[]): void {
    const ids = elements.map(({ datasetIndex, index }) => (this.chart.data.datasets[datasetIndex] as PointDataset).ids?.[index]);
    const id = ids.find((one) => one !== undefined);
    if (id !== undefined) this.options.onPick?.(id);
  }

  private key(event: KeyboardEvent): void {
    const walk = this.walk();
    if (walk.length === 0) return;
    const moves: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };
    const move = moves[event.key];
    if (move !== undefined) this.chosen = this.chosen < 0 ? 0 : (this.chosen + move + walk.length) % walk.length;
    else if (event.key === 'Home') this.chosen = 0;
    else if (event.key === 'End') this.chosen = walk.length - 1;
    else if (event.key === 'Enter' && this.chosen >= 0) return this.pick([walk[this.chosen % walk.length]!]);
    else return;
    event.preventDefault();
    this.stand(walk[this.chosen % walk.length]!);
  }

  /** The points that say something, from left to right, of equal x from the highest down. */
  private walk(): ActiveElement[] {
    return this.chart.data.datasets
      .flatMap((dataset, datasetIndex) => ((dataset as PointDataset).texts ?? []).map((_, index) => ({ datasetIndex, index, element: this.chart.getDatasetMeta(datasetIndex).data[index]! })))
      .sort((a, b) => a.element.x - b.element.x || a.element.y - b.element.y);
  }

  private stand(at: ActiveElement): void {
    this.chart.setActiveElements([at]);
    this.chart.tooltip?.setActiveElements([at], { x: at.element.x, y: at.element.y });
    this.chart.update('none');
    this.frame.say((this.chart.data.datasets[at.datasetIndex] as PointDataset).texts![at.index]!);
  }
}

/** Below the lowest value there is one tick: for what has none. */
function standFoot(scale: Scale, { foot, lowest }: PointsExtent): void {
  if (foot !== undefined) scale.ticks = [{ value: foot }, ...scale.ticks.filter(({ value }) => value >= lowest)];
}

function footLine(theme: ChartTheme, { foot, lowest }: PointsExtent): AnnotationOptions[] {
  return foot === undefined ? [] : [{ type: 'line', yMin: lowest, yMax: lowest, borderColor: theme.grid, borderWidth: 1 }];
}
