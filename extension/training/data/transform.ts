/** From pixels to what the model reads. */
import type { Crop } from './crop';
import { imageCode } from './image-code';
import type { Pixels } from './source';

/** Up to this side images are kept decoded. */
export const SMALL_SIDE = 64;

export function isSmall({ width, height }: Pick<Pixels, 'width' | 'height'>): boolean {
  return width <= SMALL_SIDE && height <= SMALL_SIDE;
}

/** RGB bytes [window, window, 3] of a crop, not mirrored. Bicubic, antialiased: PIL's bits, and so torchvision's on images. */
export async function cropAndResize(pixels: Pixels, crop: Crop): Promise<Uint8Array> {
  return (await imageCode()).resize(pixels, crop);
}

/** (byte/255 − mean)/std for every byte of every channel: 3×256. */
export function normalisationTable(mean: readonly number[], std: readonly number[]): Float32Array {
  return Float32Array.from({ length: 768 }, (_, i) => ((i & 255) / 255 - mean[i >> 8]!) / std[i >> 8]!);
}

/** Writes RGB bytes [size, size, 3] as normalised float32 [3, size, size] at `offset`, mirrored if `flip`. */
export async function writeNormalised(rgb: Uint8Array, size: number, flip: boolean, table: Float32Array, target: Float32Array, offset: number): Promise<void> {
  (await imageCode()).normalise(rgb, size, flip, table, target, offset);
}
