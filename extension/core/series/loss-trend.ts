/** Where the loss of a run is heading, over its whole length. */
import type { SeriesStore } from './series-store';

export interface LossTrend {
  /** Mean of the last twentieth. */
  readonly now: number;
  /** Lowest mean of any twentieth. */
  readonly lowest: number;
  /** Mean of the twentieth in the middle. */
  readonly middle: number;
  /** The last third fell by less than 0.5 %. */
  readonly isFlat: boolean;
  /** First step whose record, or one near it, was not finite. */
  readonly brokenStep?: number;
}

const PARTS = 20;
/** With fewer records, a trend is noise. */
const LEAST_RECORDS = 200;
const FLAT = 0.005;

/** Undefined where there are too few finite records to tell, and none that is not. */
export function lossTrend(store: SeriesStore): LossTrend | undefined {
  const column = store.column('loss');
  if (column === undefined) return undefined;
  const mean = column.mean.subarray(0, store.bins);
  const broken = firstNaN(mean);
  const brokenStep = broken < 0 ? undefined : store.steps[broken];
  const parts = store.records < LEAST_RECORDS ? [] : partMeans(mean);
  if (parts.length < PARTS) return brokenStep === undefined ? undefined : { now: NaN, lowest: NaN, middle: NaN, isFlat: false, brokenStep };
  const now = parts.at(-1)!;
  const before = parts[Math.floor((PARTS * 2) / 3)]!;
  return { now, lowest: Math.min(...parts), middle: parts[PARTS / 2]!, isFlat: Math.abs(before - now) < FLAT * Math.abs(before), brokenStep };
}

/** As findIndex(Number.isNaN), in a tenth of the time: it is asked for fifty runs at each new record. */
function firstNaN(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return i;
  return -1;
}

/** Means of equal parts; those without a finite value are left out. */
function partMeans(mean: Float32Array): number[] {
  const length = Math.floor(mean.length / PARTS);
  return Array.from({ length: PARTS }, (_, part) => {
    const end = part === PARTS - 1 ? mean.length : (part + 1) * length;
    let sum = 0;
    let count = 0;
    for (let bin = part * length; bin < end; bin++) {
      if (!Number.isFinite(mean[bin])) continue;
      sum += mean[bin]!;
      count++;
    }
    return sum / count;
  }).filter(Number.isFinite);
}
