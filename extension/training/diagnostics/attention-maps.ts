/**
 * What the heads of a block look at, from its attention to and from patches. CLS and registers are dropped and rows
 * renormalised, so that the measures are of where patches look, whatever a head spends on CLS.
 */
import * as tf from '@tensorflow/tfjs-core';

/** log 0 never stands alone: it is multiplied by that 0. */
const SMALLEST = 1e-30;

/**
 * @param weights [B, H, N, N], rows sum to 1
 * @param skip tokens before the first patch
 * @returns [B, H, L, L], rows sum to 1
 */
export function patchAttention(weights: tf.Tensor, skip: number): tf.Tensor {
  const [batch, heads, tokens] = weights.shape as [number, number, number, number];
  const patches = tf.slice(weights, [0, 0, skip, skip], [batch, heads, tokens - skip, tokens - skip]);
  return tf.div(patches, tf.maximum(tf.sum(patches, 3, true), SMALLEST));
}

/**
 * Mean distance from a patch to those it looks at, weighted by attention, in units of `distances` (Dosovitskiy et al. 2021, Figure 7).
 * @param maps [B, H, L, L]
 * @param distances [L, L]
 * @returns [H]
 */
export function attentionDistance(maps: tf.Tensor, distances: tf.Tensor): tf.Tensor {
  return tf.mean(tf.sum(tf.mul(maps, distances), 3), [0, 2]);
}

/** −Σ A log A / log L of each query, its mean: 1 looks everywhere alike, 0 at one patch. @returns [H] */
export function attentionEntropy(maps: tf.Tensor): tf.Tensor {
  return tf.mean(rowEntropy(maps), [0, 2]);
}

/**
 * Mutual information of query and key over √(H(q)·H(k)), queries being equally likely (Park et al. 2023,
 * arXiv 2305.00729): 0 where all queries have the same map, which is attention's collapse; 1 where each has its own patch.
 * @returns [H], the mean over images
 */
export function attentionNmi(maps: tf.Tensor): tf.Tensor {
  // H(k) and I(q; k) = H(k) − H(k | q), in units of H(q) = log L.
  const keys = entropyOf(tf.mean(maps, 2), maps.shape[3]!);
  const information = tf.sub(keys, tf.mean(rowEntropy(maps), 2));
  return tf.mean(tf.div(information, tf.sqrt(tf.maximum(keys, SMALLEST))), 0);
}

/** Mean cosine between the maps of two heads of a block: 1 where all do the same. @returns a scalar; NaN of one head alone */
export function headLikeness(maps: tf.Tensor): tf.Tensor {
  const [batch, heads, queries, keys] = maps.shape as [number, number, number, number];
  return meanPairCosine(tf.reshape(maps, [batch, heads, queries * keys]));
}

/** Mean cosine between two different rows of the same image. @param rows [B, R, D]; @returns a scalar; NaN of one row alone */
export function meanPairCosine(rows: tf.Tensor): tf.Tensor {
  const count = rows.shape[1]!;
  const unit = tf.div(rows, tf.maximum(tf.sqrt(tf.sum(tf.square(rows), 2, true)), SMALLEST));
  // ‖Σu‖² holds every pair twice and every row once with itself.
  const squared = tf.sum(tf.square(tf.sum(unit, 1)), 1);
  return tf.mean(tf.div(tf.sub(squared, count), count * (count - 1)));
}

/** Distances between patch centres in patches, row-major [L, L]. */
export function patchDistances(grid: number): Float32Array {
  const patches = grid * grid;
  return Float32Array.from({ length: patches * patches }, (_, at) => {
    const [a, b] = [Math.floor(at / patches), at % patches];
    return Math.hypot(Math.floor(a / grid) - Math.floor(b / grid), (a % grid) - (b % grid));
  });
}

/** [B, H, L]: 1 is that of L equal shares. */
function rowEntropy(maps: tf.Tensor): tf.Tensor {
  return entropyOf(maps, maps.shape[3]!);
}

/** Along the last axis, in units of log `keys`. */
function entropyOf(shares: tf.Tensor, keys: number): tf.Tensor {
  return tf.mul(tf.sum(tf.mul(shares, tf.log(tf.maximum(shares, SMALLEST))), shares.shape.length - 1), -1 / Math.log(keys));
}
