/** From the bins of a metric to the points of a line: within the visible range, no more than a screen shows. */
import { ABSENT } from './column';
import { MovingAverage } from './moving-average';
import type { SeriesStore } from './series-store';

export interface DisplayOptions {
  /** One x a bin, ascending; bins whose x is NaN are left out. */
  readonly x: ArrayLike<number>;
  /** Points at most. */
  readonly points: number;
  /** Weight of the past a record, 0 to below 1. */
  readonly smoothing: number;
  /** Visible x; a point beyond each end is kept, so that lines reach the edge. */
  readonly range?: readonly [number, number];
}

/** NaN is a gap: a record within was not finite. `low` and `high` are of the finite, unsmoothed values. */
export interface DisplayPoints {
  readonly x: number[];
  readonly y: number[];
  readonly low: number[];
  readonly high: number[];
  /** Whether low or high differ from y anywhere, so that they tell something. */
  readonly hasExtent: boolean;
}

/** No column, no points. */
export function displayPoints(store: SeriesStore, metric: string, { x, points, smoothing, range }: DisplayOptions): DisplayPoints {
  const column = store.column(metric);
  const result = { x: [] as number[], y: [] as number[], low: [] as number[], high: [] as number[], hasExtent: false };
  if (column === undefined) return result;
  const { mean: means, low: lows, high: highs } = column;
  const [first, end] = visibleBins(x, store.bins, range);
  const stride = Math.max(1, Math.ceil((end - first) / points));
  const average = new MovingAverage(smoothing ** store.recordsPerBin);
  // The average remembers what lies before the visible range.
  if (smoothing > 0) for (let bin = 0; bin < first; bin++) average.add(means[bin]!);
  for (let from = first; from < end; from += stride) {
    const to = Math.min(end, from + stride);
    // Fifty runs of nine metrics and 4096 bins are two million turns of this loop at each new record.
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
    if (count === 0) continue;
    if (low > high) low = high = NaN;
    const y = broken ? NaN : smoothing > 0 ? average.value : sum / count;
    result.x.push(at);
    result.y.push(y);
    result.low.push(low);
    result.high.push(high);
    if (low !== high || low !== y) result.hasExtent = true;
  }
  return result;
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
