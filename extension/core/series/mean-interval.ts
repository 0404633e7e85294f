/** The mean over seeds and how sure it is. */

/** Student's t: 97.5 % quantile for 1, 2, … degrees of freedom. */
const QUANTILES = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const NORMAL_QUANTILE = 1.96;

export interface MeanInterval {
  readonly mean: number;
  /** 95 % interval of the mean; absent below two values. */
  readonly interval?: readonly [number, number];
}

/** Undefined of no values. */
export function meanInterval(values: readonly number[]): MeanInterval | undefined {
  const count = values.length;
  if (count === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { mean };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const half = tQuantile(count - 1) * Math.sqrt(variance / count);
  return { mean, interval: [mean - half, mean + half] };
}

/**
 * Mean of `a` less mean of `b`, and its 95 % interval by Welch's t test, which takes neither the variances nor the counts
 * to be equal; no interval where either has fewer than two values. Degrees of freedom are rounded down, to the safe side.
 */
export function meanDifference(a: readonly number[], b: readonly number[]): { readonly difference: number; readonly interval?: readonly [number, number] } {
  const [first, second] = [a, b].map(momentsOf) as [Moments, Moments];
  const difference = first.mean - second.mean;
  if (a.length < 2 || b.length < 2) return { difference };
  const squares = first.squaredError + second.squaredError;
  const freedom = squares === 0 ? a.length + b.length - 2 : squares ** 2 / (first.squaredError ** 2 / (a.length - 1) + second.squaredError ** 2 / (b.length - 1));
  const half = tQuantile(Math.max(1, Math.floor(freedom))) * Math.sqrt(squares);
  return { difference, interval: [difference - half, difference + half] };
}

interface Moments {
  readonly mean: number;
  /** Of the mean: the sample variance over the count. */
  readonly squaredError: number;
}

function momentsOf(values: readonly number[]): Moments {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, squaredError: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1) / values.length };
}

/** Past the table by its first correction term, right to three digits. */
function tQuantile(freedom: number): number {
  return QUANTILES[freedom - 1] ?? NORMAL_QUANTILE + (NORMAL_QUANTILE ** 3 + NORMAL_QUANTILE) / (4 * freedom);
}
