/** Masks without a draw: the patches the teacher attends to most stay visible, or are hidden (as in AttMask). */
import * as tf from '@tensorflow/tfjs-core';
import type { MaskingStrategy } from './strategy';

/**
 * Patches by falling key, cut in two.
 * @param keys [B, L]
 * @returns int32 [B, first] and int32 [B, L − first]
 */
export function rankedSplit(keys: tf.Tensor, first: number): [tf.Tensor, tf.Tensor] {
  const [batch, patchCount] = keys.shape as [number, number];
  const order = tf.topk(keys, patchCount, true).indices;
  return [tf.slice(order, [0, 0], [batch, first]), tf.slice(order, [0, first], [batch, patchCount - first])];
}

/** @param side what becomes of the most attended patches */
export function rankedMasking(side: 'visible' | 'hidden', patchCount: number, keep: number): MaskingStrategy {
  const split: MaskingStrategy['split'] = (_drawn, scores) => {
    if (!scores) throw new Error('Masking by attention was given no scores.');
    const [top, rest] = rankedSplit(scores, side === 'visible' ? keep : patchCount - keep);
    return side === 'visible' ? { keepIds: top, maskedIds: rest } : { keepIds: rest, maskedIds: top };
  };
  return {
    name: side === 'visible' ? 'top_visible' : 'top_hidden',
    readsScores: true,
    specs: () => ({}),
    draw: () => ({}),
    split,
    keepIds: (drawn, scores) => split(drawn, scores).keepIds,
  };
}
