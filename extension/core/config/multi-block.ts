/**
 * The sizes of I-JEPA's multi-block masking on a grid of patches, as the official collator computes them
 * (facebookresearch/ijepa, src/masks/multiblock.py): a share of the patches and an aspect ratio become a rectangle, which is
 * always at least one patch smaller than the grid.
 */
export interface MultiBlockConfig {
  /** Targets of an image. */
  readonly num_pred_masks: number;
  /** Share of the patches in a target, from and to. */
  readonly pred_mask_scale: [number, number];
  /** Share of the patches in the context before the targets are cut out. */
  readonly enc_mask_scale: [number, number];
  /** Height over width of a target. */
  readonly aspect_ratio: [number, number];
}

/** Of the official configurations. */
export const OFFICIAL_MULTI_BLOCK: MultiBlockConfig = { num_pred_masks: 4, pred_mask_scale: [0.15, 0.2], enc_mask_scale: [0.85, 1], aspect_ratio: [0.75, 1.5] };

export interface Rectangle {
  readonly height: number;
  readonly width: number;
}

/** With everything filled in. */
export function multiBlockConfig({ num_pred_masks, pred_mask_scale, enc_mask_scale, aspect_ratio }: Partial<MultiBlockConfig>): MultiBlockConfig {
  return {
    num_pred_masks: num_pred_masks ?? OFFICIAL_MULTI_BLOCK.num_pred_masks,
    pred_mask_scale: pred_mask_scale ?? OFFICIAL_MULTI_BLOCK.pred_mask_scale,
    enc_mask_scale: enc_mask_scale ?? OFFICIAL_MULTI_BLOCK.enc_mask_scale,
    aspect_ratio: aspect_ratio ?? OFFICIAL_MULTI_BLOCK.aspect_ratio,
  };
}

/** @param scale share of the patches @param aspect height over width */
export function rectangleOf(grid: number, scale: number, aspect: number): Rectangle {
  const area = Math.trunc(grid * grid * scale);
  const side = (length: number): number => Math.max(1, Math.min(Math.round(length), grid - 1));
  return { height: side(Math.sqrt(area * aspect)), width: side(Math.sqrt(area / aspect)) };
}

/** Steps in which scale and aspect are walked through, enough to meet every rectangle of a grid of some dozen patches a side. */
const STEPS = 64;

/** The fewest and the most patches that a target can have. */
export function targetSizes(grid: number, { pred_mask_scale: scales, aspect_ratio: aspects }: Pick<MultiBlockConfig, 'pred_mask_scale' | 'aspect_ratio'>): { smallest: number; largest: number } {
  const along = ([from, to]: readonly [number, number], step: number): number => from + ((to - from) * step) / STEPS;
  const areas = Array.from({ length: (STEPS + 1) ** 2 }, (_, i) => rectangleOf(grid, along(scales, i % (STEPS + 1)), along(aspects, Math.floor(i / (STEPS + 1)))));
  const sizes = areas.map(({ height, width }) => height * width);
  return { smallest: Math.min(...sizes), largest: Math.max(...sizes) };
}
