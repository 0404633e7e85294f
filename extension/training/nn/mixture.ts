/** Several tensors of the same shape, mixed by a matrix of learnt weights. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * Σ_k W_dk·x_k for every row d of W.
 * @param weights W, [mixtures, K]
 * @param sources x_1 … x_K, each [rows, D]
 * @returns one [rows, D] for each row of W
 */
export function mixtures(weights: tf.Tensor, sources: readonly tf.Tensor[]): tf.Tensor[] {
  const [rows, width] = sources[0]!.shape as [number, number];
  const count = weights.shape[0]!;
  const mixed = tf.matMul(weights, tf.reshape(tf.stack([...sources]), [sources.length, rows * width]));
  if (count === 1) return [tf.reshape(mixed, [rows, width])];
  return tf.unstack(tf.reshape(mixed, [count, rows, width]));
}
