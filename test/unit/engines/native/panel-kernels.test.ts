import { describe, expect, it } from 'vitest';
import type { Kernel } from '../../../../extension/training/engines/native/kernel';
import { nativeSupport } from '../../../../extension/training/engines/native/native-support';
import { eightRowsKernel, turnedPanelsKernel } from '../../../../extension/training/engines/native/panel-kernels';
import { streamsPast } from '../../../../extension/training/engines/native/loop-kernels';
import { panelWidth } from '../../../../extension/training/engines/native/product-kernel';
import { elementAt, load, randomNumbers, runKernel, WAYS, type Numbers } from './run-kernel';

const [FROM, TO] = [1, 2];
const UNTOUCHED = 7;

interface Lying {
  readonly offset: number;
  readonly strides: readonly [row: number, column: number];
}

/** Memory of a matrix [rows, columns], which ends with it. */
const memoryFor = (rows: number, columns: number, { offset, strides: [row, column] }: Lying): Float32Array =>
  randomNumbers(offset + Math.max(0, (rows - 1) * row) + Math.max(0, (columns - 1) * column) + 1, rows + columns);

/** Side by side, apart behind something else, and from the last row to the first. */
function lines(count: number, width: number): Record<'together' | 'apart' | 'backwards', { offset: number; stride: number }> {
  return { together: { offset: 0, stride: width }, apart: { offset: 5, stride: width + 3 }, backwards: { offset: (count - 1) * width, stride: -width } };
}

/** Panels [n / width, K, width] of the matrix [K, n]. */
function panels(of: Numbers, lying: Lying, k: number, n: number, width: number): Float32Array {
  const made = new Float32Array(k * n);
  for (let depth = 0; depth < k; depth++) for (let column = 0; column < n; column++) {
    made[Math.floor(column / width) * width * k + depth * width + (column % width)] = of[elementAt(lying, [depth, column])]!;
  }
  return made;
}

async function writesPanels(kernel: Kernel | undefined, from: Float32Array, lying: Lying, [k, n, width]: readonly [number, number, number]): Promise<void> {
  const expected = panels(from, lying, k, n, width);
  for (const way of WAYS) {
    const after = await runKernel(kernel!, new Map<number, Numbers>([[FROM, from], [TO, new Float32Array(k * n).fill(UNTOUCHED)]]), way);
    const found = after.get(TO)!;
    expect(expected.findIndex((number, at) => found[at] !== number), `${k} × ${n} by ${width} ${JSON.stringify([lying, way])}`).toBe(-1);
  }
}

describe.skipIf(nativeSupport() !== undefined)('panels', () => {
  it('of eight rows, from a matrix that is read across them', async () => {
    for (const rows of [8, 16, 24, 48, 56, 200]) for (const k of [2, 4, 6, 34, 64]) for (const { offset, stride } of Object.values(lines(k, rows))) {
      const lying: Lying = { offset, strides: [stride, 1] };
      await writesPanels(eightRowsKernel(load(FROM, lying.strides, lying), k, rows, TO), memoryFor(k, rows, lying), lying, [k, rows, 8]);
    }
  });

  it('of so many rows that they are written past the caches', async () => {
    // 24 rows are one whole panel and a half beyond the vectors that are written at once.
    for (const [k, rows] of [[128, 1024], [5464, 24]] as const) {
      expect(streamsPast(k * rows)).toBe(true);
      await writesPanels(eightRowsKernel(load(FROM, [rows, 1]), k, rows, TO), randomNumbers(k * rows), { offset: 0, strides: [rows, 1] }, [k, rows, 8]);
    }
  });

  it('of columns that lie in lines', async () => {
    const widths = new Set<number>();
    for (const n of [16, 32, 48, 64, 96, 144, 192]) for (const k of [16, 32, 48, 112]) for (const { offset, stride } of Object.values(lines(n, k))) {
      const [lying, width]: [Lying, number] = [{ offset, strides: [1, stride] }, panelWidth(n)];
      widths.add(width);
      await writesPanels(turnedPanelsKernel(load(FROM, lying.strides, lying), k, n, width, TO), memoryFor(k, n, lying), lying, [k, n, width]);
    }
    expect([...widths].sort()).toEqual([16, 32, 48]);
  });

  it('of one row for all, where that is what is read', async () => {
    const lying: Lying = { offset: 0, strides: [0, 1] };
    await writesPanels(eightRowsKernel(load(FROM, lying.strides), 6, 40, TO), randomNumbers(40), lying, [6, 40, 8]);
  });

  it('are not made so of what does not divide, or lies otherwise', () => {
    expect(eightRowsKernel(load(FROM, [20, 1]), 4, 20, TO)).toBeUndefined();
    expect(eightRowsKernel(load(FROM, [16, 1]), 5, 16, TO)).toBeUndefined();
    expect(eightRowsKernel(load(FROM, [1, 4]), 4, 16, TO)).toBeUndefined();
    expect(turnedPanelsKernel(load(FROM, [1, 20]), 20, 48, 48, TO)).toBeUndefined();
    expect(turnedPanelsKernel(load(FROM, [1, 16]), 16, 80, 48, TO)).toBeUndefined();
    expect(turnedPanelsKernel(load(FROM, [48, 1]), 16, 48, 48, TO)).toBeUndefined();
  });

  it('say what they read, write and count', () => {
    expect(eightRowsKernel(load(FROM, [24, 1]), 6, 24, TO)).toMatchObject({ reads: [FROM], writes: [TO], units: 3 });
    expect(turnedPanelsKernel(load(FROM, [1, 32]), 32, 96, 48, TO)).toMatchObject({ reads: [FROM], writes: [TO], units: 12 });
  });
});
