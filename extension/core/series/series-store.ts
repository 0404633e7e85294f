/**
 * The metrics of one run in bounded memory: as they were recorded while they are few, then in bins of 2, 4, 8, …
 * records. A bin keeps mean, lowest and highest of each metric, and step, epoch and time of its last record.
 */
import { levelName } from '../runs/metric-names';
import type { MetricRecord } from '../runs/metrics-file';
import { Column } from './column';

/** More than a screen has pixels; a metric then takes at most 48 KiB. */
const MOST_BINS = 4096;
const X_NAMES = new Set(['step', 'epoch', 'time']);

export class SeriesStore {
  /** Bins in use. */
  bins = 0;
  /** Records a bin; the last one may still lack some. */
  recordsPerBin = 1;
  records = 0;
  /** Changes whenever a record is added or all are dropped. */
  version = 0;
  /** Changes whenever a bin that was full changes: a bin that is not the last one keeps its values otherwise. */
  layout = 0;
  /** Of the last record of each bin; NaN where it did not say. `time` is in ms since 1970. */
  steps = new Float64Array(64);
  epochs = new Float64Array(64);
  times = new Float64Array(64);
  /** Of the first record that said it, in ms since 1970. */
  startTime = NaN;
  private readonly columns = new Map<string, Column>();
  private inLastBin = 0;

  /** @param firstLevel what the first entry of a record's `level_losses` is called: `level_<firstLevel>` */
  constructor(private readonly firstLevel = 1) {}

  /** In the order in which they were first recorded. */
  get metrics(): string[] {
    return [...this.columns.keys()];
  }

  column(metric: string): Column | undefined {
    const column = this.columns.get(metric);
    column?.reserve(this.bins);
    return column;
  }

  clear(): void {
    this.columns.clear();
    this.bins = this.records = this.inLastBin = 0;
    this.recordsPerBin = 1;
    this.startTime = NaN;
    this.version++;
    this.layout++;
  }

  add(record: MetricRecord): void {
    const bin = this.binForNext();
    this.records++;
    this.version++;
    this.steps[bin] = numberOr(record['step'], this.records);
    this.epochs[bin] = numberOr(record['epoch'], NaN);
    this.times[bin] = timeOf(record['time']);
    if (Number.isNaN(this.startTime) && !Number.isNaN(this.times[bin])) {
      // Times are shown as seconds since then.
      this.startTime = this.times[bin]!;
      this.layout++;
    }
    for (const name in record) {
      if (X_NAMES.has(name)) continue;
      const value = record[name];
      if (typeof value === 'number') this.columnOf(name).add(bin, value);
      else if (value === null) this.columnOf(name).add(bin, NaN);
      else if (Array.isArray(value)) value.forEach((entry: unknown, i) => this.columnOf(levelName(name, i, value.length, this.firstLevel)).add(bin, typeof entry === 'number' ? entry : NaN));
    }
  }

  private columnOf(name: string): Column {
    let column = this.columns.get(name);
    if (column === undefined) this.columns.set(name, (column = new Column()));
    return column;
  }

  private binForNext(): number {
    if (this.bins > 0 && this.inLastBin < this.recordsPerBin) {
      this.inLastBin++;
      return this.bins - 1;
    }
    if (this.bins === MOST_BINS) this.mergePairs();
    if (this.bins === this.steps.length) this.growX();
    this.inLastBin = 1;
    return this.bins++;
  }

  private mergePairs(): void {
    for (const column of this.columns.values()) column.mergePairs(this.bins);
    for (const values of [this.steps, this.epochs, this.times]) for (let to = 0; to < this.bins / 2; to++) values[to] = values[2 * to + 1]!;
    this.bins /= 2;
    this.recordsPerBin *= 2;
    this.layout++;
  }

  private growX(): void {
    const [steps, epochs, times] = [this.steps, this.epochs, this.times].map((values) => {
      const larger = new Float64Array(2 * values.length);
      larger.set(values);
      return larger;
    });
    this.steps = steps!;
    this.epochs = epochs!;
    this.times = times!;
  }
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

/** ISO 8601, or seconds since 1970 as other tools write. */
function timeOf(value: unknown): number {
  if (typeof value === 'string') return Date.parse(value);
  return typeof value === 'number' ? value * 1000 : NaN;
}
