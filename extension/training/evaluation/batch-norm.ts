/** BatchNorm1d without affine, as PyTorch computes it: the layer before the classifier of the MAE probe. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';

/** main_linprobe.py: `BatchNorm1d(D, affine=False, eps=1e-6)`; the momentum is PyTorch's default. */
export const BATCH_NORM_EPS = 1e-6;
export const BATCH_NORM_MOMENTUM = 0.1;

interface RunningStatistics {
  /** [D], starts at 0. */
  readonly mean: Tensor;
  /** [D], starts at 1. */
  readonly variance: Tensor;
}

/**
 * Training mode: x [B, D] is normalised with the batch's own mean and biased variance; the running variance follows
 * the unbiased one.
 */
export function batchNormTrain(x: Tensor2D, running: RunningStatistics): { normalised: Tensor2D; running: RunningStatistics } {
  const rows = x.shape[0];
  const mean = tf.mean(x, 0);
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), 0);
  const unbiased = tf.mul(variance, rows / Math.max(1, rows - 1));
  const follow = (average: Tensor, value: Tensor): Tensor => tf.add(tf.mul(average, 1 - BATCH_NORM_MOMENTUM), tf.mul(value, BATCH_NORM_MOMENTUM));
  return {
    normalised: scaled(centred, variance),
    running: { mean: follow(running.mean, mean), variance: follow(running.variance, unbiased) },
  };
}

/** Evaluation mode: x [B, D] normalised with the running statistics. */
export function batchNormEval(x: Tensor2D, running: RunningStatistics): Tensor2D {
  return scaled(tf.sub(x, running.mean), running.variance);
}

function scaled(centred: Tensor, variance: Tensor): Tensor2D {
  return tf.mul(centred, tf.rsqrt(tf.add(variance, BATCH_NORM_EPS)));
}
