import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collapseStd } from '../../../extension/training/diagnostics/collapse';
import { rankMe } from '../../../extension/training/diagnostics/rank-me';
import { symmetricEigenvalues } from '../../../extension/training/diagnostics/symmetric-eigenvalues';
import { RandomStream } from '../../../extension/training/random';

function gaussian(rows: number, width: number, scale: (d: number) => number): Float32Array {
  const random = new RandomStream(1, 'features');
  return Float32Array.from({ length: rows * width }, (_, at) => scale(at % width) * random.normal());
}

describe('eigenvalues of a symmetric matrix', () => {
  it('are those it was built from', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 12 }), fc.integer({ min: 0, max: 1000 }), (values, seed) => {
        const n = values.length;
        // Q diag(values) Qᵀ with Q = I − 2uuᵀ/uᵀu.
        const random = new RandomStream(seed, 'direction');
        const u = Array.from({ length: n }, () => random.normal());
        const length = u.reduce((sum, value) => sum + value * value, 0);
        const q = (i: number, j: number): number => (i === j ? 1 : 0) - (2 * u[i]! * u[j]!) / length;
        const matrix = Float64Array.from({ length: n * n }, (_, at) => values.reduce((sum, value, k) => sum + value * q(Math.floor(at / n), k) * q(at % n, k), 0));
        const found = symmetricEigenvalues(matrix, n);
        [...values].sort((a, b) => a - b).forEach((value, i) => expect(found[i]).toBeCloseTo(value, 9));
      }),
    );
  });

  it('are on the diagonal of a diagonal matrix, zero for the zero matrix', () => {
    expect(Array.from(symmetricEigenvalues(Float64Array.of(3, 0, 0, -1), 2))).toEqual([-1, 3]);
    expect(Array.from(symmetricEigenvalues(new Float64Array(9), 3))).toEqual([0, 0, 0]);
  });
});

describe('RankMe', () => {
  it('counts the directions that features use', () => {
    expect(rankMe(gaussian(4000, 16, () => 1), 16)).toBeGreaterThan(15.9);
    expect(rankMe(gaussian(4000, 16, (d) => (d < 4 ? 1 : 0)), 16)).toBeCloseTo(4, 1);
    expect(rankMe(new Float32Array(160).fill(1), 16)).toBeCloseTo(1, 4);
  });
});

describe('collapse', () => {
  it('is near 1/√D for healthy features and 0 where all images look the same', () => {
    expect(collapseStd(gaussian(2000, 64, () => 1), 64) * 8).toBeCloseTo(1, 1);
    expect(collapseStd(new Float32Array(640).fill(2), 64)).toBeCloseTo(0, 6);
    expect(collapseStd(new Float32Array(640), 64)).toBe(0);
  });
});
