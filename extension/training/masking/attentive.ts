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
import { float32 } from '../../core/tensors';
import type { RandomStream } from '../random';
import { tensorOf } from '../nn/tensors';
import type { MaskingStrategy } from './strategy';

const SMALLEST_SCORE = 1e-12;

/** Standard Gumbel noise [batch, patchCount]. */
function drawGumbelNoise(random: RandomStream, batch: number, patchCount: number): HostTensor {
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
