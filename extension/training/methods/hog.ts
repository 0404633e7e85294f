/**
 * Histograms of oriented gradients (Dalal and Triggs 2005) as MaskFeat's official code makes them (facebookresearch/SlowFast,
 * operators.py; MMPretrain's HOGGenerator): Sobel gradients of each channel with reflected edges, their orientation over half a
 * turn in `nbins` without interpolation, weighted by magnitude and by a Gaussian window, summed over cells, and each histogram
 * divided by its Euclidean norm. The official window of 16 pixels, deviation 8, repeats from patch to patch: it is as wide as a
 * patch here, with half of that as deviation.
 *
 * A bin is found without an arctangent: of the rays at k·π/bins, those the gradient has passed are counted by the sign of a cross
 * product. A gradient and its opposite are the same, so it is first turned into the half plane where gx ≥ 0.
 */
import * as tf from '@tensorflow/tfjs-core';

const CHANNELS = 3;

export interface HogOptions {
  readonly patchSize: number;
  /** Orientations over half a turn. */
  readonly bins: number;
  /** Side of a cell in pixels; divides the patch. */
  readonly cell: number;
}

/**
 * @param images [B, 3, S, S]; scale and shift of a channel do not matter
 * @returns [B·L, 3·bins·(patch/cell)²], in the official order (channel, bin, cell's row, cell's column)
 */
export function hogOfPatches(images: tf.Tensor, { patchSize, bins, cell }: HogOptions): tf.Tensor {
  const [batch, , side] = images.shape as [number, number, number, number];
  const { gx, gy } = sobel(tf.reshape(images, [batch * CHANNELS, side, side]));
  const magnitude = tf.mul(tf.sqrt(tf.add(tf.square(gx), tf.square(gy))), gaussianWindow(side, patchSize));
  const weighted = tf.mul(orientationBins(gx, gy, bins), tf.expandDims(magnitude, 1));
  const cells = side / cell;
  const pooled = tf.reshape(tf.sum(tf.reshape(weighted, [batch * CHANNELS * bins, cells, cell, cells, cell]), [2, 4]), [batch * CHANNELS, bins, cells, cells]);
  const norms = tf.maximum(tf.sqrt(tf.sum(tf.square(pooled), 1, true)), 1e-12);
  const grid = side / patchSize;
  const perSide = patchSize / cell;
  const byPatch = tf.reshape(tf.div(pooled, norms), [batch, CHANNELS * bins, grid, perSide, grid, perSide]);
  return tf.reshape(tf.transpose(byPatch, [0, 2, 4, 1, 3, 5]), [batch * grid * grid, CHANNELS * bins * perSide * perSide]);
}

/** Kernels (1, 2, 1) × (1, 0, −1), gx along the rows and gy along the columns. @param x [planes, S, S] */
function sobel(x: tf.Tensor): { gx: tf.Tensor; gy: tf.Tensor } {
  const difference = (axis: number): tf.Tensor => tf.sub(neighbour(x, axis, -1), neighbour(x, axis, 1));
  const smoothed = (y: tf.Tensor, axis: number): tf.Tensor => tf.add(tf.mul(y, 2), tf.add(neighbour(y, axis, -1), neighbour(y, axis, 1)));
  return { gx: smoothed(difference(2), 1), gy: smoothed(difference(1), 2) };
}

/** The pixel before (−1) or after (1) along an axis; beyond an edge, the one inside it (reflection). @param x [planes, S, S] */
function neighbour(x: tf.Tensor, axis: number, step: -1 | 1): tf.Tensor {
  const size = x.shape[axis]!;
  const cut = (first: number, count: number): tf.Tensor => {
    const begin = [0, 0, 0];
    const sizes = x.shape.slice();
    begin[axis] = first;
    sizes[axis] = count;
    return tf.slice(x, begin, sizes);
  };
  return tf.concat(step === -1 ? [cut(1, 1), cut(0, size - 1)] : [cut(1, size - 1), cut(size - 2, 1)], axis);
}

/** 1 in the bin floor(bins·θ/π) mod bins of each gradient, θ = atan2(gx, gy). @returns [planes, bins, S, S] */
function orientationBins(gx: tf.Tensor, gy: tf.Tensor, bins: number): tf.Tensor {
  const side = tf.where(tf.equal(gx, 0), tf.sign(gy), tf.sign(gx));
  const [x, y] = [tf.abs(gx), tf.mul(gy, side)];
  const passed = Array.from({ length: bins - 1 }, (_, i) => {
    const angle = ((i + 1) * Math.PI) / bins;
    return tf.cast(tf.greaterEqual(tf.sub(tf.mul(x, Math.cos(angle)), tf.mul(y, Math.sin(angle))), 0), 'float32');
  });
  const first = tf.onesLike(gx);
  return tf.stack([first, ...passed].map((ray, i) => (i < passed.length ? tf.sub(ray, passed[i]!) : ray)), 1);
}

/** [S, S]; its scale does not matter. */
function gaussianWindow(side: number, width: number): tf.Tensor {
  const at = Float32Array.from({ length: side }, (_, pixel) => Math.exp(-0.5 * (((pixel % width) - (width - 1) / 2) / (width / 2)) ** 2));
  const weights = Float32Array.from({ length: side * side }, (_, i) => at[Math.floor(i / side)]! * at[i % side]!);
  return tf.tensor2d(weights, [side, side]);
}
