/** Masks that are drawn on the host and do not depend on the image. */
import type { MaskingConfig } from '../../core/config/schema';
import type { HostTensor } from '../../core/tensors';
import { int32 } from '../../core/tensors';
import { tensorOf } from '../nn/tensors';
import type { RandomStream } from '../random';
import type { MaskingStrategy } from './strategy';

/**
 * Batch inputs `keep_ids` int32 [B, keep] and `masked_ids` int32 [B, L − keep].
 * @param order the patches of one image: the first `keep` stay visible, the others are hidden
 */
export function drawnMasking(name: MaskingConfig['strategy'], patchCount: number, keep: number, order: (random: RandomStream) => ArrayLike<number>): MaskingStrategy {
  const masked = patchCount - keep;
  return {
    name,
    readsScores: false,
    specs: (batch, both = false) => ({
      keep_ids: { shape: [batch, keep], dtype: 'int32' },
      ...(both ? { masked_ids: { shape: [batch, masked], dtype: 'int32' } } : {}),
    }),
    draw: (random, batch) => drawSplit(random, batch, patchCount, keep, order),
    keepIds: (drawn) => tensorOf(drawn, 'keep_ids'),
    split: (drawn) => ({ keepIds: tensorOf(drawn, 'keep_ids'), maskedIds: tensorOf(drawn, 'masked_ids') }),
  };
}

function drawSplit(random: RandomStream, batch: number, patchCount: number, keep: number, order: (random: RandomStream) => ArrayLike<number>): Record<string, HostTensor> {
  const masked = patchCount - keep;
  const keepIds = new Int32Array(batch * keep);
  const maskedIds = new Int32Array(batch * masked);
  for (let image = 0; image < batch; image++) {
    const ids = Int32Array.from(order(random));
    keepIds.set(ids.subarray(0, keep), image * keep);
    maskedIds.set(ids.subarray(keep), image * masked);
  }
  return { keep_ids: int32([batch, keep], keepIds), masked_ids: int32([batch, masked], maskedIds) };
}

/** Patches with the hidden ones last, each side in reading order. */
export function visibleFirst(hidden: ReadonlySet<number>, patchCount: number): number[] {
  const patches = Array.from({ length: patchCount }, (_, patch) => patch);
  return [...patches.filter((patch) => !hidden.has(patch)), ...patches.filter((patch) => hidden.has(patch))];
}
