/** The global gradient norm, and clipping by it. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * √Σg² over all tensors, from the squares that AdamW needs anyway: one more pass over memory. Each tensor is summed
 * over its last axis first, then over the rest: a flat float32 sum over a million terms loses digits.
 */
export function globalNorm(squares: readonly tf.Tensor[]): tf.Tensor {
  const sums = squares.map((square) => tf.sum(square.rank > 1 ? tf.sum(square, -1) : square));
  return tf.sqrt(tf.sum(tf.stack(sums)));
}

/** min(1, limit/(norm + 1e-6)), PyTorch's `clip_grad_norm_`. */
export function clipFactor(norm: tf.Tensor, limit: number): tf.Tensor {
  return tf.minimum(tf.div(tf.scalar(limit), tf.add(norm, 1e-6)), 1);
}
