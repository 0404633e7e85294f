/**
 * Random erasing (Zhong et al. 2020) as timm's `RandomErasing` does it in mode `pixel`: with some probability a rectangle of an
 * image, which is normalised already, becomes standard normal noise, drawn for every pixel and channel.
 */
import * as tf from '@tensorflow/tfjs-core';
import { float32, type HostTensor, type NamedSpecs } from '../../core/tensors';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import type { RandomStream } from '../random';

/** Share of the image's area. */
const AREA = [0.02, 1 / 3] as const;
/** Height over width, drawn on a logarithmic scale. */
const ASPECT = [0.3, 1 / 0.3] as const;
/** A rectangle that does not fit is drawn anew so often; then the image stays whole. */
const TRIES = 10;
const CHANNELS = 3;

/** Batch inputs: `erased` [B, 1, S, S], 1 where a pixel is replaced, and `erased_noise` [B, 3, S, S], 0 where none is. */
export function erasingSpecs(images: number, side: number): NamedSpecs {
  return { erased: { shape: [images, 1, side, side], dtype: 'float32' }, erased_noise: { shape: [images, CHANNELS, side, side], dtype: 'float32' } };
}

/**
 * @param images B
 * @param side S, in pixels
 * @param probability of an image
 */
export function drawErasing(random: RandomStream, images: number, side: number, probability: number): Record<string, HostTensor> {
  const specs = erasingSpecs(images, side);
  const [erased, noise] = [float32(specs.erased!.shape), float32(specs.erased_noise!.shape)];
  for (let image = 0; image < images; image++) {
    if (random.uniform() >= probability) continue;
    const rectangle = drawRectangle(random, side);
    if (!rectangle) continue;
    fillRectangle(erased.data, image, side, rectangle, () => 1);
    for (let channel = 0; channel < CHANNELS; channel++) fillRectangle(noise.data, CHANNELS * image + channel, side, rectangle, () => random.normal());
  }
  return { erased, erased_noise: noise };
}

interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

function drawRectangle(random: RandomStream, side: number): Rectangle | undefined {
  const between = ([low, high]: readonly [number, number]): number => low + (high - low) * random.uniform();
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const area = between(AREA) * side ** 2;
    const aspect = Math.exp(between([Math.log(ASPECT[0]), Math.log(ASPECT[1])]));
    const [height, width] = [Math.round(Math.sqrt(area * aspect)), Math.round(Math.sqrt(area / aspect))];
    if (height < side && width < side) return { top: random.integer(side - height + 1), left: random.integer(side - width + 1), height, width };
  }
  return undefined;
}

/** @param plane which of the S·S planes in `data` */
function fillRectangle(data: HostTensor['data'], plane: number, side: number, { top, left, height, width }: Rectangle, value: () => number): void {
  for (let y = top; y < top + height; y++) {
    const row = (plane * side + y) * side;
    for (let x = left; x < left + width; x++) data[row + x] = value();
  }
}

/** @param images [B, 3, S, S], normalised */
export function eraseImages(images: tf.Tensor, batch: Tensors): tf.Tensor {
  return tf.add(tf.mul(images, tf.sub(1, tensorOf(batch, 'erased'))), tensorOf(batch, 'erased_noise'));
}
