/** SimMIM's masking: the image is divided into squares of several patches, and whole squares are hidden. */
import { drawnMasking } from './drawn';
import type { MaskingStrategy } from './strategy';

/**
 * @param unit side of a square in patches; divides `grid`
 * @param keep visible patches, a multiple of unit²
 */
export function coarseMasking(grid: number, keep: number, unit: number): MaskingStrategy {
  const squares = grid / unit;
  const patchesOf = (square: number): number[] => {
    const first = Math.floor(square / squares) * unit * grid + (square % squares) * unit;
    return Array.from({ length: unit * unit }, (_, i) => first + Math.floor(i / unit) * grid + (i % unit));
  };
  return drawnMasking('coarse', grid * grid, keep, (random) => Array.from(random.permutation(squares * squares)).flatMap(patchesOf));
}
