/** Tokens kept as rows [B·N, D], taken apart and put together image by image. */
import * as tf from '@tensorflow/tfjs-core';

/** `count` rows of each image from its row `first` on. @param x [B·N, D]; @returns [B·count, D] */
export function sliceRows(x: tf.Tensor, batch: number, first: number, count: number): tf.Tensor {
  const [rows, width] = x.shape as [number, number];
  if (count === rows / batch) return x;
  return tf.reshape(tf.slice(tf.reshape(x, [batch, rows / batch, width]), [0, first, 0], [batch, count, width]), [batch * count, width]);
}

/** Each image's rows of `a`, then its rows of `b`. @param a [B·N, D] @param b [B·M, D]; @returns [B·(N+M), D] */
export function concatRows(a: tf.Tensor, b: tf.Tensor, batch: number): tf.Tensor {
  const width = a.shape[1]!;
  const perImage = (x: tf.Tensor): tf.Tensor => tf.reshape(x, [batch, x.shape[0]! / batch, width]);
  return tf.reshape(tf.concat([perImage(a), perImage(b)], 1), [a.shape[0]! + b.shape[0]!, width]);
}

/**
 * Rows of a table that is the same for every image, at `ids`. Gathered: for tables without a gradient.
 * @param table [1, N, D]
 * @param ids int32 [B, K]
 * @returns [B·K, D]
 */
export function tableRows(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  const [, rows, width] = table.shape as [number, number, number];
  return tf.gather(tf.reshape(table, [rows, width]), tf.reshape(ids, [ids.size]));
}

/** 1 where a patch is among `ids`, otherwise 0. @param ids int32 [B, K], distinct; @returns float32 [B·L, 1] */
export function indicator(ids: tf.Tensor, patchCount: number): tf.Tensor {
  const batch = ids.shape[0]!;
  return tf.reshape(tf.sum(tf.oneHot(ids as tf.Tensor2D, patchCount, 1, 0, 'float32'), 1), [batch * patchCount, 1]);
}
