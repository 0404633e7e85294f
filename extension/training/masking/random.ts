/** Random masking (MAE): every set of patches is equally likely to stay visible. */
import { drawnMasking } from './drawn';
import type { MaskingStrategy } from './strategy';

/** A random permutation for each image, of which the first `keep` stay visible. */
export function randomMasking(patchCount: number, keep: number): MaskingStrategy {
  return drawnMasking('random', patchCount, keep, (random) => random.permutation(patchCount));
}
