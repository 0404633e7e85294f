/** Lines, heat maps and warnings of the selected runs. Only runs with new records are computed anew. */
import type { CurvesData, DashboardState, Series, XAxis } from '../protocol/dashboard';
import { displayPoints } from '../series/display';
import type { SeriesStore } from '../series/series-store';
import { blockOf, defaultMetrics, isLevel, metricChoices } from './curve-metrics';
import type { SelectedRun } from './selected-run';
import { runWarnings } from './warnings';

type Options = DashboardState['curves'];
/** Undefined: loss per level. */
type HeatMapOf = CurvesData['heatMaps'][number]['of'];

const HEAT_MAPS: readonly HeatMapOf[] = [undefined, 'block_grad_norm', 'block_update_ratio'];

/** Points of all lines together, and bounds of one. */
const ALL_POINTS = 60_000;
const LINE_POINTS = [120, 1000] as const;
const HEAT_COLUMNS = 120;
/** Of more runs than these the bands lie over each other and tell nothing; they would be half of what is sent and drawn. */
const BANDED_RUNS = 12;
/** Lines remembered a run; choices the user left are forgotten all at once. */
const REMEMBERED = 200;

interface Remembered {
  readonly version: number;
  readonly lines: Map<string, Series>;
  readonly axes: Map<XAxis, ArrayLike<number>>;
}

export class CurvesView {
  private readonly remembered = new WeakMap<SeriesStore, Remembered>();

  make(runs: readonly SelectedRun[], options: Options): CurvesData {
    const metrics = metricChoices(runs.flatMap(({ series }) => series.store.metrics));
    const wanted = options.metrics.length > 0 ? options.metrics : defaultMetrics(metrics);
    const lines = options.heatMap ? wanted.filter((name) => !isLevel(name) && !blockOf(name)) : wanted;
    const points = Math.round(Math.min(LINE_POINTS[1], Math.max(LINE_POINTS[0], ALL_POINTS / Math.max(1, runs.length * lines.length))));
    return {
      view: 'curves',
      metrics,
      series: runs.flatMap((run) => lines.flatMap((metric) => this.line(run, metric, options, { points, banded: runs.length <= BANDED_RUNS }) ?? [])),
      heatMaps: options.heatMap ? runs.flatMap((run) => HEAT_MAPS.flatMap((of) => this.heatMap(run, of, options) ?? [])) : [],
      warnings: runs.flatMap(runWarnings),
    };
  }

  private line(run: SelectedRun, metric: string, { x, smoothing, range }: Options, { points, banded }: { readonly points: number; readonly banded: boolean }): Series | undefined {
    const { store } = run.series;
    const { lines } = this.memoryOf(store);
    const name = JSON.stringify([metric, x, smoothing, range, points, banded]);
    const known = lines.get(name);
    if (known) return known;
    const line = displayPoints(store, metric, { x: this.axis(run, x), points, smoothing, range });
    if (line.x.length === 0) return undefined;
    const extent = banded && line.hasExtent && { low: new Float64Array(line.low), high: new Float64Array(line.high) };
    const series = { run: run.run.key, metric, x: new Float64Array(line.x), y: new Float64Array(line.y), ...extent };
    if (lines.size >= REMEMBERED) lines.clear();
    lines.set(name, series);
    return series;
  }

  private heatMap(run: SelectedRun, of: HeatMapOf, { x, range }: Options): CurvesData['heatMaps'][number] | undefined {
    const { store } = run.series;
    const rows = metricChoices(store.metrics.filter((name) => (of === undefined ? isLevel(name) : blockOf(name)?.list === of))).map(({ name }) => name);
    const axis = this.axis(run, x);
    const lines = rows.map((metric) => displayPoints(store, metric, { x: axis, points: HEAT_COLUMNS, smoothing: 0, range }));
    if (lines.length === 0) return undefined;
    const columns = lines[0]!.x.map((value) => String(Number(value.toPrecision(6))));
    return { run: run.run.key, ...(of && { of }), matrix: { rows: rows.map((name) => blockOf(name)?.part ?? name.replace('level_', '')), columns, values: lines.map(({ y }) => y) } };
  }

  /** One x a bin: step, epoch (steps where it was not recorded), seconds since the first record, GMAC spent. */
  private axis({ series: { store }, gmacPerStep }: SelectedRun, x: XAxis): ArrayLike<number> {
    const { axes } = this.memoryOf(store);
    const known = axes.get(x);
    if (known) return known;
    const axis = axisOf(store, x, gmacPerStep);
    axes.set(x, axis);
    return axis;
  }

  private memoryOf(store: SeriesStore): Remembered {
    let memory = this.remembered.get(store);
    if (memory?.version !== store.version) this.remembered.set(store, (memory = { version: store.version, lines: new Map(), axes: new Map() }));
    return memory;
  }
}

function axisOf(store: SeriesStore, x: XAxis, gmacPerStep: number | undefined): ArrayLike<number> {
  switch (x) {
    case 'step':
      return store.steps;
    case 'epoch':
      return Number.isNaN(store.epochs[0]) ? store.steps : store.epochs;
    case 'time':
      return store.times.map((time) => (time - store.startTime) / 1000);
    case 'gmac':
      return store.steps.map((step) => step * (gmacPerStep ?? NaN));
  }
}
