/** Grid masking (the regular variant of MAE's ablation): one patch of every 2 × 2 stays visible, the same one in the whole image. */
import { drawnMasking, visibleFirst } from './drawn';
import type { MaskingStrategy } from './strategy';

/** Which of the four stays visible is drawn for each image. @param grid even */
export function gridMasking(grid: number): MaskingStrategy {
  const patchCount = grid * grid;
  return drawnMasking('grid', patchCount, patchCount / 4, (random) => {
    const visible = random.integer(4);
    const corner = (patch: number): number => 2 * (Math.floor(patch / grid) % 2) + ((patch % grid) % 2);
    const hidden = new Set(Array.from({ length: patchCount }, (_, patch) => patch).filter((patch) => corner(patch) !== visible));
    return visibleFirst(hidden, patchCount);
  });
}
