/** How many patches stay visible. */
import type { MethodName } from './method-traits';
import type { MaskingConfig } from './schema';

/**
 * Visible patches of L at a mask ratio: trunc(L·(1−ratio)) in double precision, exactly as the official code's
 * `int(L * (1 - mask_ratio))`; so L = 100 at 0.9 keeps 9, because 1 − 0.9 is a little less than 0.1.
 */
export function keepCount(patchCount: number, ratio: number): number {
  return Math.trunc(patchCount * (1 - ratio));
}

/**
 * Hidden patches of which the pixels are predicted, by CrossMAE's `kept_mask_ratio`: the official code leaves out
 * `int(L * (mask_ratio - kept_mask_ratio))` of them, in double precision.
 */
export function predictedCount(patchCount: number, keep: number, ratio: number, keptMaskRatio: number): number {
  return patchCount - keep - Math.max(0, Math.trunc(patchCount * (ratio - keptMaskRatio)));
}

/** The patches of L that a masking leaves visible; `coarse` and `grid` count squares of patches, UMT those that it hides. */
export function visibleCount({ strategy, ratio, throw_ratio: thrown, unit = 1 }: MaskingConfig, patchCount: number, method?: MethodName): number {
  // SimMIM's `ceil(token_count * mask_ratio)` squares are hidden.
  if (strategy === 'coarse') return patchCount - Math.ceil((patchCount / unit ** 2) * ratio) * unit ** 2;
  if (strategy === 'grid') return patchCount / 4;
  // AMT's `int(L * (mask_ratio + throw_ratio))` patches are hidden.
  if (thrown !== undefined) return patchCount - Math.trunc(patchCount * (ratio + thrown));
  // The official code of UMT keeps `N - int(N * mask_ratio)`.
  if (method === 'umt') return patchCount - Math.trunc(patchCount * ratio);
  return keepCount(patchCount, ratio);
}

/** Of the hidden patches those that are reconstructed: all of them, or AMT's `int(L * mask_ratio)`. */
export function maskedCount({ ratio, throw_ratio: thrown }: Pick<MaskingConfig, 'ratio' | 'throw_ratio'>, patchCount: number, keep: number): number {
  return thrown === undefined ? patchCount - keep : Math.trunc(patchCount * ratio);
}
