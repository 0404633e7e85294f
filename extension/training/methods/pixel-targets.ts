/** Pixels as targets: the patches of images, each normalised by itself if asked for. */
import * as tf from '@tensorflow/tfjs-core';

const NORM_PIX_EPS = 1e-6;

/**
 * Each patch by its own mean and unbiased variance, (t − mean)/√(var + 1e-6), as MAE's `norm_pix_loss`.
 * @param patches [rows, 3·P·P]
 */
export function normalisePatches(patches: tf.Tensor): tf.Tensor {
  const values = patches.shape[1]!;
  const centred = tf.sub(patches, tf.mean(patches, -1, true));
  const variance = tf.mul(tf.mean(tf.square(centred), -1, true), values / (values - 1));
  return tf.mul(centred, tf.rsqrt(tf.add(variance, NORM_PIX_EPS)));
}
