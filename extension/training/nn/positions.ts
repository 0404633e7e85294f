/** Fixed two-dimensional sin-cos positions, as in MAE and MaskAlign ("w first"). */
import type { HostTensor } from '../../core/tensors';
import { float32 } from '../../core/tensors';

/**
 * Row of the patch in column x, row y: [sin(xω), cos(xω), sin(yω), cos(yω)], each D/4 long, ω_k = 10000^(−k/(D/4)).
 * Patches are row-major; the row of CLS is zero.
 * @returns [1, 1 + grid², width]
 */
export function sinCosPositions(width: number, grid: number): HostTensor {
  if (width % 4 !== 0) throw new Error(`Sin-cos positions need a width divisible by 4, not ${width}.`);
  const quarter = width / 4;
  const table = new Float32Array((1 + grid * grid) * width);
  for (let y = 0; y < grid; y++) {
    for (let x = 0; x < grid; x++) {
      const row = (1 + y * grid + x) * width;
      for (let k = 0; k < quarter; k++) {
        const omega = 1 / 10000 ** (k / quarter);
        table[row + k] = Math.sin(x * omega);
        table[row + quarter + k] = Math.cos(x * omega);
        table[row + 2 * quarter + k] = Math.sin(y * omega);
        table[row + 3 * quarter + k] = Math.cos(y * omega);
      }
    }
  }
  return float32([1, 1 + grid * grid, width], table);
}
