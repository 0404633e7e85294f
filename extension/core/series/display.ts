/** From the bins of a metric to the points of a line: within the visible range, no more than a screen shows. */
import { ABSENT } from './column';
import { MovingAverage } from './moving-average';
import type { SeriesStore } from './series-store';

export interface DisplayOptions {
  /** Points at most. */
  readonly points: number;
  /** Weight of the past a record, 0 to below 1. */
  readonly smoothing: number;
  /** Visible x; a point beyond each end is kept, so that lines reach the edge. */
  readonly range?: readonly [number, number];
}

/** NaN is a gap: a record within was not finite. `low` and `high` are of the finite, unsmoothed values. */
export interface DisplayPoints {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Whether low or high differ from y anywhere, so that they tell something. */
  readonly hasExtent: boolean;
}

/**
 * The line of one metric of a store. Points of bins that are full stay as they are from one drawing to the next: fifty
 * runs of nine metrics and 4096 bins would else be two million turns at each new record.
 */
export class DisplayLine {
  private settled = new Points();
  /** Which bins and strides the settled points are of. */
  private kept: { readonly layout: number; readonly first: number; readonly stride: number } | undefined;
  /** The first bin that is not in a settled point, and the average of those before it. */
  private next = 0;
  private average = new MovingAverage(0);

  constructor(private readonly store: SeriesStore, private readonly metric: string, private readonly options: DisplayOptions) {}

  /** @param x one a bin, ascending, and the same as before for bins that were full; bins whose x is NaN are left out */
  points(x: ArrayLike<number>): DisplayPoints {
    const { store, options } = this;
    if (store.column(this.metric) === undefined) return new Points();
    const [first, end] = visibleBins(x, store.bins, options.range);
    const stride = Math.max(1, Math.ceil((end - first) / options.points));
    if (this.kept?.layout !== store.layout || this.kept.first !== first || this.kept.stride !== stride) this.begin(first, stride);
    // The last bin may still take records.
    while (this.next + stride <= Math.min(end, store.bins - 1)) {
      this.stride(x, this.next, this.next + stride, this.settled, this.average);
      this.next += stride;
    }
    const line = this.settled.copy();
    const average = this.average.copy();
    for (let from = this.next; from < end; from += stride) this.stride(x, from, Math.min(end, from + stride), line, average);
    return line;
  }

  private begin(first: number, stride: number): void {
    const { store, options } = this;
    this.kept = { layout: store.layout, first, stride };
    this.settled = new Points();
    this.next = first;
    this.average = new MovingAverage(options.smoothing ** store.recordsPerBin);
    // The average remembers what lies before the visible range.
    const { mean } = store.column(this.metric)!;
    if (options.smoothing > 0) for (let bin = 0; bin < first; bin++) this.average.add(mean[bin]!);
  }

  /** Adds the point of a stride of bins, if any of them has the metric. */
  private stride(x: ArrayLike<number>, from: number, to: number, points: Points, average: MovingAverage): void {
    const { mean: means, low: lows, high: highs } = this.store.column(this.metric)!;
    const { smoothing } = this.options;
    let sum = 0;
    let count = 0;
    let broken = false;
    let low = Infinity;
    let high = -Infinity;
    let at = NaN;
    for (let bin = from; bin < to; bin++) {
      const mean = means[bin]!;
      const place = x[bin]!;
      if (mean === ABSENT || Number.isNaN(place)) continue;
      at = place;
      count++;
      if (lows[bin]! < low) low = lows[bin]!;
      if (highs[bin]! > high) high = highs[bin]!;
      if (Number.isNaN(mean)) broken = true;
      else sum += mean;
      if (smoothing > 0) average.add(mean);
    }
    if (count === 0) return;
    if (low > high) low = high = NaN;
    points.add(at, broken ? NaN : smoothing > 0 ? average.value : sum / count, low, high);
  }
}

class Points implements DisplayPoints {
  constructor(
    readonly x: number[] = [],
    readonly y: number[] = [],
    readonly low: number[] = [],
    readonly high: number[] = [],
    public hasExtent = false,
  ) {}

  add(x: number, y: number, low: number, high: number): void {
    this.x.push(x);
    this.y.push(y);
    this.low.push(low);
    this.high.push(high);
    if (low !== high || low !== y) this.hasExtent = true;
  }

  copy(): Points {
    return new Points([...this.x], [...this.y], [...this.low], [...this.high], this.hasExtent);
  }
}

/** Bins from the last one before the range to the first one after it. */
function visibleBins(x: ArrayLike<number>, bins: number, range: readonly [number, number] | undefined): [number, number] {
  if (range === undefined) return [0, bins];
  let first = 0;
  while (first + 1 < bins && !(x[first + 1]! >= range[0])) first++;
  let end = bins;
  while (end - 1 > first && !(x[end - 2]! <= range[1])) end--;
  return [first, end];
}
