/** Lines, heat maps and warnings of the selected runs. Only runs with new records are computed anew. */
import type { CurvesData, DashboardState, Series, XAxis } from '../protocol/dashboard';
import { DisplayLine, type DisplayOptions, type DisplayPoints } from '../series/display';
import type { SeriesStore } from '../series/series-store';
import { blockOf, defaultMetrics, isLevel, metricChoices } from './curve-metrics';
import { inOneBuffer } from './one-buffer';
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

/** Of one store. */
interface Remembered {
  version: number;
  /** Made of `version`. */
  readonly series: Map<string, Series>;
  readonly axes: Map<XAxis, ArrayLike<number>>;
  /** These go on from one version to the next. */
  readonly lines: Map<string, DisplayLine>;
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
      series: inOneBuffer(runs.flatMap((run) => lines.flatMap((metric) => this.line(run, metric, options, { points, banded: runs.length <= BANDED_RUNS }) ?? []))),
      heatMaps: options.heatMap ? runs.flatMap((run) => HEAT_MAPS.flatMap((of) => this.heatMap(run, of, options) ?? [])) : [],
      warnings: runs.flatMap(runWarnings),
    };
  }

  private line(run: SelectedRun, metric: string, { x, smoothing, range }: Options, { points, banded }: { readonly points: number; readonly banded: boolean }): Series | undefined {
    const { store } = run.series;
    const memory = this.memoryOf(store);
    const name = JSON.stringify([metric, x, smoothing, range, points, banded]);
    const known = memory.series.get(name);
    if (known) return known;
    const line = this.points(run, metric, x, { points, smoothing, range });
    if (line.x.length === 0) return undefined;
    const extent = banded && line.hasExtent && { low: new Float64Array(line.low), high: new Float64Array(line.high) };
    const series = { run: run.run.key, metric, x: shared(line.x, memory.series.values()), y: new Float64Array(line.y), ...extent };
    if (memory.series.size >= REMEMBERED) memory.series.clear();
    memory.series.set(name, series);
    return series;
  }

  private heatMap(run: SelectedRun, of: HeatMapOf, { x, range }: Options): CurvesData['heatMaps'][number] | undefined {
    const { store } = run.series;
    const rows = metricChoices(store.metrics.filter((name) => (of === undefined ? isLevel(name) : blockOf(name)?.list === of))).map(({ name }) => name);
    const lines = rows.map((metric) => this.points(run, metric, x, { points: HEAT_COLUMNS, smoothing: 0, range }));
    if (lines.length === 0) return undefined;
    const columns = lines[0]!.x.map((value) => String(Number(value.toPrecision(6))));
    return { run: run.run.key, ...(of && { of }), matrix: { rows: rows.map((name) => blockOf(name)?.part ?? name.replace('level_', '')), columns, values: lines.map(({ y }) => y) } };
  }

  private points(run: SelectedRun, metric: string, x: XAxis, options: DisplayOptions): DisplayPoints {
    const { store } = run.series;
    const { lines } = this.memoryOf(store);
    const name = JSON.stringify([metric, x, options]);
    if (!lines.has(name)) {
      if (lines.size >= REMEMBERED) lines.clear();
      lines.set(name, new DisplayLine(store, metric, options));
    }
    return lines.get(name)!.points(this.axis(run, x));
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
    if (!memory) this.remembered.set(store, (memory = { version: store.version, series: new Map(), axes: new Map(), lines: new Map() }));
    if (memory.version === store.version) return memory;
    memory.version = store.version;
    memory.series.clear();
    memory.axes.clear();
    return memory;
  }
}

/** Metrics of a run have mostly the same x; what they share is sent once. */
function shared(x: readonly number[], lines: Iterable<Series>): Float64Array {
  for (const line of lines) if (line.x.length === x.length && x.every((value, i) => value === line.x[i])) return line.x;
  return new Float64Array(x);
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
