/**
 * Common corruptions at five severities (Hendrycks and Dietterich 2019): Gaussian noise, Gaussian blur, contrast and JPEG, with the
 * severities of ImageNet-C (make_imagenet_c.py), and of CIFAR-10-C (make_cifar_c.py) for small images. Applied to the bytes that the
 * model would see. Blur is libvips'.
 */
import sharp, { type Sharp } from 'sharp';
import type { RandomStream } from '../random';
import { SMALL_SIDE } from './transform';

export const CORRUPTIONS = ['gaussian_noise', 'gaussian_blur', 'contrast', 'jpeg_compression'] as const;

export type Corruption = (typeof CORRUPTIONS)[number];

export const SEVERITIES = [1, 2, 3, 4, 5] as const;

export type Severity = (typeof SEVERITIES)[number];

interface Strengths {
  readonly source: 'CIFAR-10-C' | 'ImageNet-C';
  /** By severity: standard deviation of pixels in [0, 1], σ in pixels, factor of the contrast, JPEG quality. */
  readonly strengths: Readonly<Record<Corruption, readonly [number, number, number, number, number]>>;
}

const SMALL: Strengths = {
  source: 'CIFAR-10-C',
  strengths: { gaussian_noise: [0.04, 0.06, 0.08, 0.09, 0.1], gaussian_blur: [0.4, 0.6, 0.7, 0.8, 1], contrast: [0.75, 0.5, 0.4, 0.3, 0.15], jpeg_compression: [80, 65, 58, 50, 40] },
};

const LARGE: Strengths = {
  source: 'ImageNet-C',
  strengths: { gaussian_noise: [0.08, 0.12, 0.18, 0.26, 0.38], gaussian_blur: [1, 2, 3, 4, 6], contrast: [0.4, 0.3, 0.2, 0.1, 0.05], jpeg_compression: [25, 18, 15, 10, 7] },
};

/** @param side of the images in pixels */
export function strengthsFor(side: number): Strengths {
  return side <= SMALL_SIDE ? SMALL : LARGE;
}

/**
 * @param rgb bytes [side, side, 3]; not changed
 * @param random read by noise alone
 * @returns bytes of the same shape
 */
export async function corrupt(rgb: Uint8Array, side: number, corruption: Corruption, severity: Severity, random: RandomStream): Promise<Uint8Array> {
  const strength = strengthsFor(side).strengths[corruption][severity - 1]!;
  switch (corruption) {
    case 'gaussian_noise':
      return rgb.map((byte) => toByte(byte + 255 * strength * random.normal()));
    case 'gaussian_blur':
      return rawOf(imageOf(rgb, side).blur({ sigma: strength, precision: 'float', minAmplitude: 0.001 }));
    case 'contrast':
      return lessContrast(rgb, strength);
    case 'jpeg_compression':
      return rawOf(sharp(await imageOf(rgb, side).jpeg({ quality: strength }).toBuffer()));
  }
}

/** Every channel drawn towards its mean over the image. */
function lessContrast(rgb: Uint8Array, factor: number): Uint8Array {
  const means = [0, 0, 0];
  rgb.forEach((byte, at) => (means[at % 3]! += (3 * byte) / rgb.length));
  return rgb.map((byte, at) => toByte((byte - means[at % 3]!) * factor + means[at % 3]!));
}

function imageOf(rgb: Uint8Array, side: number): Sharp {
  return sharp(rgb, { raw: { width: side, height: side, channels: 3 } });
}

async function rawOf(image: Sharp): Promise<Uint8Array> {
  return new Uint8Array(await image.raw().toBuffer());
}

function toByte(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}
