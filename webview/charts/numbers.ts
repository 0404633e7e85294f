/** Numbers as charts and tables write them. */

/** Four significant digits, without the noise of trailing zeros; powers of ten where plain digits would be long. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2).replace('e+', 'e');
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  return String(Number(value.toPrecision(4)));
}

/** A share of one as a percentage with a decimal. */
export function formatShare(value: number | null | undefined): string {
  return value === null || value === undefined || Number.isNaN(value) ? '–' : `${(100 * value).toFixed(1)} %`;
}

/** A difference of shares in percentage points, with its sign. */
export function formatPoints(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  return `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(1)} pp`;
}

/** Seconds as the largest two units. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}

/**
 * The value of a curve at `x`: that of the last point not after it, undefined before the first, past the last point
 * by more than a hair, and in gaps. A step function is what was recorded; anything between the points would be made up.
 */
export function valueAt(xs: ArrayLike<number>, ys: ArrayLike<number | null>, x: number): number | undefined {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  const value = low === 0 ? undefined : ys[low - 1];
  return value === null || value === undefined || Number.isNaN(value) ? undefined : value;
}
