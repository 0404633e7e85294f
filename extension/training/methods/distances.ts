/** Distances between aligned and target features, means over all elements, with one-pass backward. */
import * as tf from '@tensorflow/tfjs-core';
import type { AlignmentConfig } from '../../core/config/schema';
import { withGradient } from '../nn/custom-gradient';

type DistanceName = AlignmentConfig['loss'];

/** Value and derivative of one element's distance. */
function elementwise(name: DistanceName, difference: tf.Tensor): { value: tf.Tensor; slope: tf.Tensor } {
  switch (name) {
    case 'l2':
      return { value: tf.square(difference), slope: tf.mul(difference, 2) };
    case 'l1':
      return { value: tf.abs(difference), slope: tf.sign(difference) };
    case 'smooth_l1': {
      // 2·SmoothL1(β=1): with c = clip(e, −1, 1) both branches, e² and 2|e| − 1, are c·(2e − c), and the slope is 2c.
      const clipped = tf.clipByValue(difference, -1, 1);
      return { value: tf.mul(clipped, tf.sub(tf.mul(difference, 2), clipped)), slope: tf.mul(clipped, 2) };
    }
    default:
      return name satisfies never;
  }
}

/**
 * Mean over the tokens of cos(ŷ, ȳ): a reading, without gradient.
 * @param aligned [rows, D_T] @param target [rows, D_T]
 */
export function meanCosine(aligned: tf.Tensor, target: tf.Tensor): tf.Tensor {
  const dot = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.sum(tf.mul(a, b), -1);
  const norms = tf.sqrt(tf.mul(dot(aligned, aligned), dot(target, target)));
  return tf.mean(tf.div(dot(aligned, target), tf.maximum(norms, 1e-12)));
}

/**
 * Mean distance over all elements. `smooth_l1` is 2·SmoothL1(β=1), as in the official code.
 * The mean is taken in two stages: a flat float32 sum over a million terms loses digits.
 * @param aligned ŷ [rows, D_T]
 * @param target ȳ [rows, D_T], without gradient
 */
export function distance(name: DistanceName, aligned: tf.Tensor, target: tf.Tensor): tf.Scalar {
  const meanDistance = withGradient((difference: tf.Tensor) => {
    const { value, slope } = elementwise(name, difference);
    return {
      value: tf.mean(tf.mean(value, -1)),
      saved: [slope],
      backward: (dy, [slope]) => [tf.mul(slope!, tf.div(dy, difference.size))],
    };
  });
  return meanDistance(tf.sub(aligned, target)) as tf.Scalar;
}
