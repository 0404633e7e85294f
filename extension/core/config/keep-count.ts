/**
 * Visible patches of L at a mask ratio: trunc(L·(1−ratio)) in double precision, exactly as the official code's
 * `int(L * (1 - mask_ratio))`; so L = 100 at 0.9 keeps 9, because 1 − 0.9 is a little less than 0.1.
 */
export function keepCount(patchCount: number, ratio: number): number {
  return Math.trunc(patchCount * (1 - ratio));
}
