/**
 * Crop and bicubic resize in JavaScript, for what sharp does badly.
 *
 * Small images: a trip through sharp costs 0.65 ms for a 32×32 crop, nearly all of it overhead; this takes about 0.03 ms, which is
 * what lets one thread feed small-image training. Enlarging: libvips shifts the picture by half an output pixel.
 *
 * The arithmetic is PIL's, and so torchvision's: Keys' kernel with a = −½, widened by the scale when shrinking (antialiasing),
 * edges by leaving out what lies outside, rounding to 8 bits after each direction.
 */
import { type BicubicFilter, bicubicFilter, PIL_BICUBIC } from '../bicubic';
import type { Crop } from './crop';
import type { Pixels } from './source';

/** RGB bytes of the crop, [window, window, 3], not mirrored. */
export function bicubicCrop(pixels: Pixels, crop: Crop): Uint8ClampedArray {
  const { box, side, window } = crop;
  const start = Math.floor((side - window) / 2);
  const columns = bicubicFilter(box.width, side, PIL_BICUBIC, start, window);
  const rows = bicubicFilter(box.height, side, PIL_BICUBIC, start, window);
  const wide = new Uint8ClampedArray(box.height * window * 3);
  for (let y = 0; y < box.height; y++) {
    const source = ((box.top + y) * pixels.width + box.left) * 3;
    filterRow(pixels.rgb, source, columns, wide, y * window * 3);
  }
  const result = new Uint8ClampedArray(window * window * 3);
  for (let y = 0; y < window; y++) filterColumns(wide, window * 3, rows, y, result);
  return result;
}

function filterRow(source: Uint8Array, start: number, filter: BicubicFilter, target: Uint8ClampedArray, at: number): void {
  for (let i = 0; i < filter.length; i++) {
    let red = 0;
    let green = 0;
    let blue = 0;
    let from = start + filter.first[i]! * 3;
    const base = i * filter.taps;
    for (let k = 0; k < filter.count[i]!; k++, from += 3) {
      const weight = filter.weights[base + k]!;
      red += weight * source[from]!;
      green += weight * source[from + 1]!;
      blue += weight * source[from + 2]!;
    }
    target[at++] = red;
    target[at++] = green;
    target[at++] = blue;
  }
}

function filterColumns(source: Uint8ClampedArray, stride: number, filter: BicubicFilter, row: number, target: Uint8ClampedArray): void {
  const first = filter.first[row]! * stride;
  const base = row * filter.taps;
  const count = filter.count[row]!;
  for (let x = 0; x < stride; x++) {
    let sum = 0;
    for (let k = 0, from = first + x; k < count; k++, from += stride) sum += filter.weights[base + k]! * source[from]!;
    target[row * stride + x] = sum;
  }
}
