/** From images to rows of patch pixels and from those to tokens. */
import * as tf from '@tensorflow/tfjs-core';
import { linear } from './linear';
import type { Tensors } from './tensors';
import { tensorOf } from './tensors';

/**
 * Cuts images into patches, row-major; the pixels of a patch in the order (channel, y, x) of a flattened conv kernel.
 * @param images [B, 3, S, S]
 * @returns [B·L, 3·P·P]
 */
export function patchify(images: tf.Tensor, patchSize: number): tf.Tensor {
  return cutPatches(images, patchSize, [0, 2, 4, 1, 3, 5]);
}

/**
 * The same in the order (y, x, channel), in which MAE's decoder predicts them.
 * @param images [B, 3, S, S]
 * @returns [B·L, P·P·3]
 */
export function patchPixels(images: tf.Tensor, patchSize: number): tf.Tensor {
  return cutPatches(images, patchSize, [0, 2, 4, 3, 5, 1]);
}

/** @param order axes (image, channel, row, y, column, x) as they shall stand */
function cutPatches(images: tf.Tensor, patchSize: number, order: number[]): tf.Tensor {
  const [batch, channels, side] = images.shape as [number, number, number, number];
  const grid = side / patchSize;
  const cut = tf.reshape(images, [batch, channels, grid, patchSize, grid, patchSize]);
  return tf.reshape(tf.transpose(cut, order), [batch * grid * grid, channels * patchSize * patchSize]);
}

/**
 * The patch convolution as a matrix product: its stride is its kernel.
 * @param patches [rows, 3·P·P]
 * @returns [rows, D]
 */
export function embedPatches(parameters: Tensors, patches: tf.Tensor): tf.Tensor {
  const kernel = tensorOf(parameters, 'patch_embed.proj.weight');
  return linear(patches, tf.reshape(kernel, [kernel.shape[0]!, patches.shape[1]!]), parameters['patch_embed.proj.bias']);
}

/**
 * Rows of `ids` in a table of B·`perImage` rows.
 * @param ids [B, K], each in [0, perImage)
 * @returns [B·K], int32
 */
export function flatRows(ids: tf.Tensor, perImage: number): tf.Tensor1D {
  const [batch, kept] = ids.shape as [number, number];
  const offsets = tf.tensor2d(Int32Array.from({ length: batch }, (_, image) => image * perImage), [batch, 1], 'int32');
  return tf.reshape(tf.add(ids, offsets), [batch * kept]);
}

/**
 * Puts each image's leading tokens before its patches.
 * @param leading [1, K, D], the same for every image
 * @param patches [B·n, D]
 * @returns [B·(K+n), D]
 */
export function prependTokens(leading: tf.Tensor, patches: tf.Tensor, batch: number): tf.Tensor {
  const [, count, width] = leading.shape as [number, number, number];
  const perImage = patches.shape[0]! / batch;
  const repeated = tf.add(leading, tf.zeros([batch, 1, 1]));
  const tokens = tf.concat([repeated, tf.reshape(patches, [batch, perImage, width])], 1);
  return tf.reshape(tokens, [batch * (count + perImage), width]);
}
