/**
 * Mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) as timm's `Mixup` does them in batch mode: the images of a batch are
 * mixed with the same batch in reverse order, all in one proportion, their targets likewise.
 *
 *   λ ~ Beta(α, α)
 *   mixup    x ← λ·x + (1−λ)·reversed(x)
 *   cutmix   a box of about (1−λ) of the area is taken from reversed(x); λ is then what is left of the image
 *   targets  λ·y + (1−λ)·reversed(y)
 *
 * Both are one operation: x ← own·x + (1−own)·reversed(x) with a map `own` of the image, which is λ everywhere, or 0 in the
 * box and 1 outside.
 */
import * as tf from '@tensorflow/tfjs-core';
import { float32, type HostTensor, type NamedSpecs } from '../../core/tensors';
import { smoothedTargets } from '../nn/cross-entropy';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import type { RandomStream } from '../random';

export interface MixingConfig {
  /** α of mixup, in (0, 1]. */
  readonly mixup: number;
  /** α of CutMix, in (0, 1]. */
  readonly cutmix: number;
  /** How likely a batch is mixed. */
  readonly probability: number;
  /** How likely it is then CutMix. */
  readonly switchProbability: number;
}

/** Batch inputs of a mixed batch: `mix_own` [S, S], and `mix_lambda` [], the share of the targets that is each image's own. */
export function mixingSpecs(side: number): NamedSpecs {
  return { mix_own: { shape: [side, side], dtype: 'float32' }, mix_lambda: { shape: [], dtype: 'float32' } };
}

/** @param side S, in pixels */
export function drawMixing(random: RandomStream, side: number, { mixup, cutmix, probability, switchProbability }: MixingConfig): Record<string, HostTensor> {
  if (random.uniform() >= probability) return mixture(side, 1, 1);
  if (random.uniform() >= switchProbability) {
    const lambda = drawBeta(random, mixup);
    return mixture(side, lambda, lambda);
  }
  return cutBox(side, drawBox(random, side, drawBeta(random, cutmix)));
}

interface Box {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** A square of the share 1−λ around a uniformly drawn pixel, as far as it lies in the image (timm, `rand_bbox`). */
function drawBox(random: RandomStream, side: number, lambda: number): Box {
  const half = Math.floor(Math.floor(side * Math.sqrt(1 - lambda)) / 2);
  const inside = (at: number): number => Math.min(side, Math.max(0, at));
  const [y, x] = [random.integer(side), random.integer(side)];
  return { top: inside(y - half), bottom: inside(y + half), left: inside(x - half), right: inside(x + half) };
}

function cutBox(side: number, { top, bottom, left, right }: Box): Record<string, HostTensor> {
  const drawn = mixture(side, 1, 1 - ((bottom - top) * (right - left)) / side ** 2);
  for (let y = top; y < bottom; y++) drawn.mix_own!.data.fill(0, y * side + left, y * side + right);
  return drawn;
}

function mixture(side: number, own: number, lambda: number): Record<string, HostTensor> {
  return { mix_own: float32([side, side], new Float32Array(side ** 2).fill(own)), mix_lambda: float32([], Float32Array.of(lambda)) };
}

/** Beta(α, α) for α in (0, 1], by Jöhnk (1964). */
function drawBeta(random: RandomStream, alpha: number): number {
  for (;;) {
    const [a, b] = [random.uniform() ** (1 / alpha), random.uniform() ** (1 / alpha)];
    if (a + b > 0 && a + b <= 1) return a / (a + b);
  }
}

/** @param images [B, 3, S, S] */
export function mixImages(images: tf.Tensor, batch: Tensors): tf.Tensor {
  const own = tensorOf(batch, 'mix_own');
  return tf.add(tf.mul(images, own), tf.mul(reversed(images), tf.sub(1, own)));
}

/**
 * @param labels int32 [B]
 * @returns [B, C], each row sums to 1
 */
export function mixTargets(labels: tf.Tensor, batch: Tensors, classes: number, smoothing: number): tf.Tensor {
  const lambda = tensorOf(batch, 'mix_lambda');
  const targets = smoothedTargets(labels, classes, smoothing);
  return tf.add(tf.mul(targets, lambda), tf.mul(reversed(targets), tf.sub(1, lambda)));
}

/** The last image first. */
function reversed(x: tf.Tensor): tf.Tensor {
  const batch = x.shape[0]!;
  return tf.gather(x, tf.tensor1d(Int32Array.from({ length: batch }, (_, i) => batch - 1 - i), 'int32'));
}
