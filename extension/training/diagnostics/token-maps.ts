/** How the patch tokens of an image differ over the image: in frequency. */
import * as tf from '@tensorflow/tfjs-core';

/** As the original adds before the logarithm. */
const EPSILON = 1e-6;

/**
 * How much weaker the highest frequency of the token grid is than its mean: the mean over images and channels of
 * log|F(h, h)| − log|F(0, 0)|, F the 2-D Fourier transform of a channel and h the last frequency of the half-diagonal
 * (Park and Kim 2022, arXiv 2202.06709, Figure 2). The lower, the more a block has smoothed.
 *
 * @param tokens [B, L, D] of a square grid
 * @param wave cos and sin of the highest frequency, [2, L]; see `highestWave`
 * @returns a scalar
 */
export function fourierLogAmplitude(tokens: tf.Tensor, wave: tf.Tensor): tf.Tensor {
  const [batch, patches, width] = tokens.shape as [number, number, number];
  const rows = tf.reshape(tf.transpose(tokens, [0, 2, 1]), [batch * width, patches]);
  const high = tf.sqrt(tf.sum(tf.square(tf.matMul(rows, wave, false, true)), 1));
  const constant = tf.abs(tf.sum(rows, 1));
  return tf.mean(tf.sub(tf.log(tf.add(high, EPSILON)), tf.log(tf.add(constant, EPSILON))));
}

/** cos and sin of 2π·h·(y + x)/g with h = ⌊(g − 1)/2⌋, row-major [2, L]: the last of the shifted transform's diagonal. */
export function highestWave(grid: number): Float32Array {
  const frequency = Math.floor((grid - 1) / 2);
  const phases = Array.from({ length: grid * grid }, (_, at) => (2 * Math.PI * frequency * (Math.floor(at / grid) + (at % grid))) / grid);
  return Float32Array.from([...phases.map(Math.cos), ...phases.map(Math.sin)]);
}
