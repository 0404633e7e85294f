/** Which part of an image the model sees: the two geometries of the recipe, as numbers. */
import type { RandomStream } from '../random';

/**
 * Cut `box` out, resize it to `side`×`side`, keep the centred `window`×`window` of that, then mirror it left-right if `flip`.
 */
export interface Crop {
  readonly box: Box;
  readonly side: number;
  readonly window: number;
  readonly flip: boolean;
}

/** In pixels of the image, within it, at least 1×1. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface RandomCropOptions {
  /** Range of the crop's share of the area. */
  readonly scale: readonly [number, number];
  /** Range of width over height. */
  readonly ratio: readonly [number, number];
  /** Probability of a mirror image. */
  readonly flip: number;
}

const ATTEMPTS = 10;

/**
 * RandomResizedCrop and RandomHorizontalFlip as torchvision samples them: the area uniform, the aspect ratio log-uniform,
 * the place uniform; after ten boxes that do not fit, the largest centred one of an allowed ratio.
 */
export function randomCrop(random: RandomStream, width: number, height: number, size: number, options: RandomCropOptions): Crop {
  const box = randomBox(random, width, height, options) ?? fallbackBox(width, height, options.ratio);
  return { box, side: size, window: size, flip: random.uniform() < options.flip };
}

function randomBox(random: RandomStream, width: number, height: number, { scale, ratio }: RandomCropOptions): Box | undefined {
  const [logLow, logHigh] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = width * height * (scale[0] + (scale[1] - scale[0]) * random.uniform());
    const aspect = Math.exp(logLow + (logHigh - logLow) * random.uniform());
    const w = Math.round(Math.sqrt(area * aspect));
    const h = Math.round(Math.sqrt(area / aspect));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = random.integer(height - h + 1);
      return { left: random.integer(width - w + 1), top, width: w, height: h };
    }
  }
  return undefined;
}

function fallbackBox(width: number, height: number, ratio: readonly [number, number]): Box {
  const aspect = width / height;
  const w = aspect > ratio[1] ? clamp(Math.round(height * ratio[1]), width) : width;
  const h = aspect < ratio[0] ? clamp(Math.round(width / ratio[0]), height) : height;
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

function clamp(length: number, most: number): number {
  return Math.max(1, Math.min(length, most));
}

/** Below this side the borders that a centre crop throws away hold too much of the picture. */
const SMALLEST_CENTRE_CROPPED = 96;

/**
 * The evaluation crop: shorter side to round(size·256/224), then the centre; for sizes below 96 the whole image, squeezed
 * to the square, as small sets are evaluated.
 *
 * The centred square is cut before resizing rather than after: the same pixels to within half a source pixel, and a
 * panorama of 10000×20 does not become 130000×256 on the way.
 */
export function centreCrop(width: number, height: number, size: number): Crop {
  if (size < SMALLEST_CENTRE_CROPPED) return { box: { left: 0, top: 0, width, height }, side: size, window: size, flip: false };
  const shorter = Math.min(width, height);
  const box = { left: Math.floor((width - shorter) / 2), top: Math.floor((height - shorter) / 2), width: shorter, height: shorter };
  return { box, side: Math.round((size * 256) / 224), window: size, flip: false };
}
