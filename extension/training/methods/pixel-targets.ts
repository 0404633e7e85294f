/** Pixels as targets: the patches of images, each normalised by itself if asked for; and predicted ones for pictures. */
import * as tf from '@tensorflow/tfjs-core';
import type { ReconstructionConfig, VitShape } from '../../core/config/schema';
import type { Split } from '../masking/strategy';
import { flatRows, patchPixels } from '../nn/patches';
import type { Reconstruction } from './method';

interface PixelOptions {
  readonly student: VitShape;
  readonly reconstruction: ReconstructionConfig;
}

/** Of the masked patches, [B·M, P·P·3], in the order (y, x, channel). @param images [B, 3, S, S] */
export function maskedPixels(images: tf.Tensor, { maskedIds }: Split, { student, reconstruction }: PixelOptions): tf.Tensor {
  const patchCount = (student.imageSize / student.patchSize) ** 2;
  const patches = tf.gather(patchPixels(images, student.patchSize), flatRows(maskedIds, patchCount));
  return reconstruction.norm_pix ? normalisePatches(patches) : patches;
}

/** @param predicted [B·M, P·P·3], in the order (y, x, channel) */
export function pixelReconstruction(predicted: tf.Tensor, split: Split, { student: { patchSize }, reconstruction }: PixelOptions): Reconstruction {
  const [images, masked] = split.maskedIds.shape as [number, number];
  const pixels = tf.reshape(predicted, [images, masked, patchSize, patchSize, 3]);
  return { ...split, predicted: tf.transpose(pixels, [0, 1, 4, 2, 3]), normalisedByPatch: reconstruction.norm_pix === true };
}

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
