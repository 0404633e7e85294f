/**
 * Attentive masking: patches are drawn without replacement with probabilities proportional to the teacher's CLS attention.
 *
 * Two opposite uses of the draw are told apart by name. `attentive` (MaskAlign, MILAN, UMT) keeps what is drawn: what the
 * teacher looks at is more likely to stay visible. `attentive_hidden` (AMT) hides what is drawn: it is more likely masked.
 *
 * The official `multinomial(s, L, replacement=False)[:keep]` is drawn as the Gumbel top-k of log s (Yellott 1977;
 * Kool et al. 2019): the same distribution of ordered samples, with the noise drawn on the host. So the graph can use
 * the scores of the very forward pass that makes the targets. Zero scores come last: s is clamped to 1e-12.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../core/tensors';
import { float32 } from '../../core/tensors';
import { tensorOf } from '../nn/tensors';
import type { RandomStream } from '../random';
import { rankedSplit } from './ranked';
import type { MaskingStrategy } from './strategy';

const SMALLEST_SCORE = 1e-12;

/** Standard Gumbel noise [batch, patchCount]. */
function drawGumbelNoise(random: RandomStream, batch: number, patchCount: number): HostTensor {
  const noise = new Float32Array(batch * patchCount);
  for (let i = 0; i < noise.length; i++) noise[i] = random.gumbel();
  return float32([batch, patchCount], noise);
}

/** log s + Gumbel noise, [B, L]: its order is that of a multinomial draw without replacement. */
function drawKeys(scores: tf.Tensor | undefined, drawn: Readonly<Record<string, tf.Tensor>>): tf.Tensor {
  if (!scores) throw new Error('Attentive masking was given no scores.');
  return tf.add(tf.log(tf.maximum(scores, SMALLEST_SCORE)), tensorOf(drawn, 'gumbel'));
}

/** Batch input `gumbel` float32 [B, L]. The patches drawn first stay visible. */
export function attentiveMasking(patchCount: number, keep: number): MaskingStrategy {
  return {
    ...gumbelInput(patchCount),
    name: 'attentive',
    keepIds: (drawn, scores) => tf.topk(drawKeys(scores, drawn), keep, true).indices,
    split(drawn, scores) {
      const [keepIds, maskedIds] = rankedSplit(drawKeys(scores, drawn), keep);
      return { keepIds, maskedIds };
    },
  };
}

/** Batch input `gumbel` float32 [B, L]. The patches drawn first are hidden. */
export function attentiveHiding(patchCount: number, keep: number): MaskingStrategy {
  const split: MaskingStrategy['split'] = (drawn, scores) => {
    const [maskedIds, keepIds] = rankedSplit(drawKeys(scores, drawn), patchCount - keep);
    return { keepIds, maskedIds };
  };
  return { ...gumbelInput(patchCount), name: 'attentive_hidden', split, keepIds: (drawn, scores) => split(drawn, scores).keepIds };
}

function gumbelInput(patchCount: number): Pick<MaskingStrategy, 'readsScores' | 'specs' | 'draw'> {
  return {
    readsScores: true,
    specs: (batch) => ({ gumbel: { shape: [batch, patchCount], dtype: 'float32' } }),
    draw: (random, batch) => ({ gumbel: drawGumbelNoise(random, batch, patchCount) }),
  };
}
