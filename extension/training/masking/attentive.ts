/**
 * Attentive masking: visible patches are drawn without replacement with probabilities proportional to the teacher's
 * CLS attention, so what the teacher looks at is more likely to stay visible.
 *
 * The official `multinomial(s, L, replacement=False)[:keep]` is drawn as the Gumbel top-k of log s (Yellott 1977;
 * Kool et al. 2019): the same distribution of ordered samples, with the noise drawn on the host. So the graph can use
 * the scores of the very forward pass that makes the targets. Zero scores come last: s is clamped to 1e-12.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../core/tensors';
import { float32, int32 } from '../../core/tensors';
import type { RandomStream } from '../random';
import { tensorOf } from '../nn/tensors';
import type { MaskingStrategy } from './strategy';

const SMALLEST_SCORE = 1e-12;

/** Standard Gumbel noise [batch, patchCount]. */
export function drawGumbelNoise(random: RandomStream, batch: number, patchCount: number): HostTensor {
  const noise = new Float32Array(batch * patchCount);
  for (let i = 0; i < noise.length; i++) noise[i] = random.gumbel();
  return float32([batch, patchCount], noise);
}

/** Batch input `gumbel` float32 [B, L]. */
export function attentiveMasking(patchCount: number, keep: number): MaskingStrategy {
  return {
    name: 'attentive',
    readsScores: true,
    specs: (batch) => ({ gumbel: { shape: [batch, patchCount], dtype: 'float32' } }),
    draw: (random, batch) => ({ gumbel: drawGumbelNoise(random, batch, patchCount) }),
    keepIds(drawn, scores) {
      if (!scores) throw new Error('Attentive masking was given no scores.');
      const keys = tf.add(tf.log(tf.maximum(scores, SMALLEST_SCORE)), tensorOf(drawn, 'gumbel'));
      return tf.topk(keys, keep, true).indices;
    },
  };
}

/**
 * The same choice on the host, for previews and statistics.
 * @param scores [batch, L] @param noise [batch, L]
 * @returns int32 [batch, keep]; equal keys go to the lower index, as in `tf.topk`
 */
export function attentiveKeepIds(scores: HostTensor, noise: HostTensor, keep: number): HostTensor {
  const [batch, patchCount] = scores.shape as [number, number];
  const ids = new Int32Array(batch * keep);
  for (let image = 0; image < batch; image++) {
    const offset = image * patchCount;
    const keys = Float32Array.from({ length: patchCount }, (_, patch) => {
      const logScore = Math.fround(Math.log(Math.max(scores.data[offset + patch]!, Math.fround(SMALLEST_SCORE))));
      return logScore + noise.data[offset + patch]!;
    });
    const order = Array.from(keys.keys()).sort((a, b) => keys[b]! - keys[a]! || a - b);
    ids.set(order.slice(0, keep), image * keep);
  }
  return int32([batch, keep], ids);
}
