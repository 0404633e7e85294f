/** Vectors told by the nearest entry of a codebook. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * By Euclidean distance: ‖x − c‖² is smallest where x·c − ½‖c‖² is largest.
 * @param vectors [rows, D]
 * @param codebook [V, D]
 * @returns int32 [rows]
 */
export function nearestCodes(vectors: tf.Tensor, codebook: tf.Tensor): tf.Tensor {
  const halfSquares = tf.mul(tf.sum(tf.square(codebook), 1), 0.5);
  return tf.argMax(tf.sub(tf.matMul(vectors, codebook, false, true), halfSquares), 1);
}
