import * as tf from '@tensorflow/tfjs-core';

/**
 * Separable resize of square images: R·X·Rᵀ for every channel, as two plain matrix products.
 * @param images [B, 3, S, S]
 * @param resize R, [T, S]
 * @returns [B, 3, T, T]
 */
export function resizeImages(images: tf.Tensor, resize: tf.Tensor): tf.Tensor {
  const [batch, channels, side] = images.shape as [number, number, number, number];
  const target = resize.shape[0]!;
  const planes = batch * channels;
  const alongX = tf.matMul(tf.reshape(images, [planes * side, side]), resize, false, true);
  const turned = tf.transpose(tf.reshape(alongX, [planes, side, target]), [0, 2, 1]);
  const alongY = tf.matMul(tf.reshape(turned, [planes * target, side]), resize, false, true);
  return tf.reshape(tf.transpose(tf.reshape(alongY, [planes, target, target]), [0, 2, 1]), [batch, channels, target, target]);
}
