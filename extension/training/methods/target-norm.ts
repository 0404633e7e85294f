/** Normalisation of the teacher's features before they are targets. */
import * as tf from '@tensorflow/tfjs-core';
import type { AlignmentConfig } from '../../core/config/schema';
import { standardise } from '../nn/layer-norm';

/** Normalisations of each token by itself; these commute with choosing tokens. @param y [rows, D_T] */
export function normaliseTokens(name: Exclude<AlignmentConfig['target_norm'], 'bn'>, y: tf.Tensor): tf.Tensor {
  switch (name) {
    case 'none':
      return y;
    case 'l2':
      return tf.div(y, tf.sqrt(tf.sum(tf.square(y), -1, true)));
    case 'whiten':
      return standardise(y, 1e-5);
    default:
      return name satisfies never;
  }
}

/**
 * `bn`: one mean and one (unbiased) variance of the whole tensor, all tokens of all images: (y − mean)/√(var + 1e-6).
 * It is not per channel, and it makes the loss of an image depend on its batch.
 * @param y [rows, D_T]
 */
export function normaliseTensor(y: tf.Tensor): tf.Tensor {
  const meanOf = (x: tf.Tensor): tf.Tensor => tf.mean(tf.mean(x, -1));
  const centred = tf.sub(y, meanOf(y));
  const variance = tf.mul(meanOf(tf.square(centred)), y.size / (y.size - 1));
  return tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-6)));
}
