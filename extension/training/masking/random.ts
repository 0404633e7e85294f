/** Random masking: every set of patches is equally likely to stay visible. */
import type { HostTensor } from '../../core/tensors';
import { int32 } from '../../core/tensors';
import type { RandomStream } from '../random';
import { tensorOf } from '../nn/tensors';
import type { MaskingStrategy } from './strategy';

/** The first `keep` of a random permutation for each image, int32 [batch, keep]. */
function drawRandomKeepIds(random: RandomStream, batch: number, patchCount: number, keep: number): HostTensor {
  const ids = new Int32Array(batch * keep);
  for (let image = 0; image < batch; image++) ids.set(random.permutation(patchCount).subarray(0, keep), image * keep);
  return int32([batch, keep], ids);
}

/** Batch input `keep_ids` int32 [B, keep]. */
export function randomMasking(patchCount: number, keep: number): MaskingStrategy {
  return {
    name: 'random',
    readsScores: false,
    specs: (batch) => ({ keep_ids: { shape: [batch, keep], dtype: 'int32' } }),
    draw: (random, batch) => ({ keep_ids: drawRandomKeepIds(random, batch, patchCount, keep) }),
    keepIds: (drawn) => tensorOf(drawn, 'keep_ids'),
  };
}
