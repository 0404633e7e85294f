import type { ReconstructionConfig } from './schema';

const CHANNELS = 3;

/** Numbers in the histograms of gradients of one patch: channels × bins × cells. 108 in MaskFeat's recipe: 3 · 9 · 4. */
export function hogNumbers(patchSize: number, { hog_bins: bins = 9, hog_cell: cell = patchSize }: Pick<ReconstructionConfig, 'hog_bins' | 'hog_cell'>): number {
  return CHANNELS * bins * (patchSize / cell) ** 2;
}
