/** Distances between what is predicted and its target, means over all elements or over some rows, with one-pass backward. */
import * as tf from '@tensorflow/tfjs-core';
import type { AlignmentConfig, ReconstructionConfig } from '../../core/config/schema';
import { withGradient } from '../nn/custom-gradient';

type ElementwiseName = AlignmentConfig['loss'] | 'smooth_l1_beta1' | 'smooth_l1_beta2';

/** Value and derivative of one element's distance. */
function elementwise(name: ElementwiseName, difference: tf.Tensor): { value: tf.Tensor; slope: tf.Tensor } {
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
    case 'smooth_l1_beta1': {
      // SmoothL1(β=1), half of the above: c·(2e − c)/2, and the slope is c.
      const clipped = tf.clipByValue(difference, -1, 1);
      return { value: tf.mul(tf.mul(clipped, tf.sub(tf.mul(difference, 2), clipped)), 0.5), slope: clipped };
    }
    case 'smooth_l1_beta2': {
      // SmoothL1(β=2): with c = clip(e, −2, 2) both branches, e²/4 and |e| − 1, are c·(2e − c)/4, and the slope is c/2.
      const clipped = tf.clipByValue(difference, -2, 2);
      return { value: tf.mul(tf.mul(clipped, tf.sub(tf.mul(difference, 2), clipped)), 0.25), slope: tf.mul(clipped, 0.5) };
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
export function distance(name: ElementwiseName, aligned: tf.Tensor, target: tf.Tensor): tf.Scalar {
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

/** Which rows of a prediction count. */
export interface CountedRows {
  /** float32 [rows, 1]: 1 or 0. */
  readonly counted: tf.Tensor;
  /** How many are 1. */
  readonly count: number;
}

/** A mean over rows: each row's value, [rows], and its gradient to the prediction, [rows, C], by one backward pass. */
function meanOverRows(rowsOf: (predicted: tf.Tensor) => { values: tf.Tensor; slopes: tf.Tensor }, predicted: tf.Tensor, where: CountedRows | undefined): tf.Scalar {
  const mean = withGradient((predicted: tf.Tensor) => {
    const { values, slopes } = rowsOf(predicted);
    const counted = where ? tf.mul(values, tf.reshape(where.counted, values.shape)) : values;
    const rows = where?.count ?? values.size;
    return {
      value: tf.div(tf.sum(counted), rows),
      saved: [where ? tf.mul(slopes, where.counted) : slopes],
      backward: (dy, [slope]) => [tf.mul(slope!, tf.div(dy, rows))],
    };
  });
  return mean(predicted) as tf.Scalar;
}

/**
 * The loss of a reconstruction: the mean over the counted rows of each row's mean distance.
 * @param predicted [rows, C]
 * @param target [rows, C], without gradient
 * @param where absent: every row counts
 */
export function reconstructionLoss(name: ReconstructionConfig['loss'], predicted: tf.Tensor, target: tf.Tensor, where?: CountedRows): tf.Scalar {
  if (name === 'cross_entropy') throw new Error('Cross-entropy is of classes: see classificationLoss.');
  if (name === 'cosine') return meanOverRows((x) => cosineDistance(x, target), predicted, where);
  return meanOverRows((x) => {
    const { value, slope } = elementwise(name, tf.sub(x, target));
    return { values: tf.mean(value, -1), slopes: tf.div(slope, target.shape[1]!) };
  }, predicted, where);
}

/**
 * Cross-entropy, the mean over the counted rows.
 * @param logits [rows, V]
 * @param codes int32 [rows]
 */
export function classificationLoss(logits: tf.Tensor, codes: tf.Tensor, where: CountedRows): tf.Scalar {
  const wanted = tf.oneHot(codes as tf.Tensor1D, logits.shape[1]!, 1, 0, 'float32');
  return meanOverRows((x) => {
    const shifted = tf.sub(x, tf.max(x, -1, true));
    const logProbabilities = tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)));
    return { values: tf.neg(tf.sum(tf.mul(wanted, logProbabilities), -1)), slopes: tf.sub(tf.exp(logProbabilities), wanted) };
  }, logits, where);
}

/** 2 − 2cos, the squared distance of the unit vectors. With p̂ = p/‖p‖ the derivative of the cosine is (t̂ − cos·p̂)/‖p‖. */
function cosineDistance(predicted: tf.Tensor, target: tf.Tensor): { values: tf.Tensor; slopes: tf.Tensor } {
  const inverseNorm = (x: tf.Tensor): tf.Tensor => tf.div(1, tf.maximum(tf.sqrt(tf.sum(tf.square(x), -1, true)), 1e-12));
  const inverse = inverseNorm(predicted);
  const unit = tf.mul(predicted, inverse);
  const unitTarget = tf.mul(target, inverseNorm(target));
  const cosine = tf.sum(tf.mul(unit, unitTarget), -1, true);
  return {
    values: tf.reshape(tf.sub(2, tf.mul(cosine, 2)), [predicted.shape[0]!]),
    slopes: tf.mul(tf.mul(tf.sub(unitTarget, tf.mul(cosine, unit)), inverse), -2),
  };
}
