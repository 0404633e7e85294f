import { describe, expect, it } from 'vitest';
import { kernelOf, type Kernel } from '../../../../extension/training/engines/native/kernel';
import { nativeSupport } from '../../../../extension/training/engines/native/native-support';
import { lastPanelWidth, panelElements, panelWidth, productCode, productUnits, tileRows, type Ending, type ProductShape } from '../../../../extension/training/engines/native/product-kernel';
import { nextWay, placesOf, randomNumbers, runKernel, WAYS, type Numbers } from './run-kernel';

const [A, B, C] = [1, 2, 3];
const SIZES = [1, 7, 8, 13, 20, 48, 50, 64, 65, 100];
/** Of the sum of the terms' sizes; up to a hundred terms are rounded one after another. */
const CLOSE = 1e-6;
/** Columns of B beyond the last may be read in its last row. */
const SLACK = 64;

function kernel(shape: ProductShape): Kernel {
  const views = [A, B, C, ...(shape.endings ?? []).map((_, i) => C + 1 + i)].map((root) => ({ root, offset: 0 }));
  return kernelOf({ name: 'MatMul', code: productCode(shape), views, writes: views.slice(2, 3), units: productUnits(shape), multiple: shape.a.tile === undefined ? 1 : tileRows(shape.n), work: 1 });
}

/** B [K, N] as the kernel wants it in panels; what fills the last one is no number. */
function inPanels(b: Numbers, n: number, k: number): Float32Array {
  const packed = new Float32Array(panelElements(n, k)).fill(NaN);
  const width = panelWidth(n);
  for (let column = 0; column < n; column++) {
    const panel = Math.floor(column / width);
    const own = panel < Math.floor(n / width) ? width : lastPanelWidth(n);
    for (let depth = 0; depth < k; depth++) packed[panel * width * k + depth * own + (column % width)] = b[depth * n + column]!;
  }
  return packed;
}

/** How far from right a result is, of the size of what was added up, over all matrices of the batch. */
function worst({ m, n, k, alpha, a: strides, c: row, batch }: ProductShape, rowOfB: number, a: Numbers, b: Numbers, c: Numbers): number {
  let most = 0;
  for (const place of placesOf(batch.map(({ size }) => size))) {
    const begin = (of: 'a' | 'b' | 'c'): number => place.reduce((sum, coordinate, axis) => sum + coordinate * batch[axis]![of], 0);
    const [atA, atB, atC] = [begin('a'), begin('b'), begin('c')];
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) {
      let [sum, size] = [0, 1e-30];
      for (let depth = 0; depth < k; depth++) {
        const term = a[atA + i * strides.row + depth * strides.column]! * b[atB + depth * rowOfB + j]!;
        sum += term;
        size += Math.abs(term);
      }
      const off = Math.abs(c[atC + i * row + j]! - alpha * sum) / (Math.abs(alpha) * size);
      most = Number.isNaN(off) ? Infinity : Math.max(most, off);
    }
  }
  return most;
}

interface Variant {
  readonly across: boolean;
  readonly panels: boolean;
  readonly alpha: number;
  readonly depth: number;
}

const VARIANTS: readonly Variant[] = [
  { across: false, panels: true, alpha: 1, depth: 384 }, { across: true, panels: true, alpha: 1, depth: 32 }, { across: false, panels: false, alpha: 1, depth: 16 },
  { across: true, panels: false, alpha: 0.125, depth: 128 }, { across: false, panels: true, alpha: -2.5, depth: 16 }, { across: false, panels: true, alpha: 1, depth: 7 },
  { across: true, panels: false, alpha: 1, depth: 1 },
];

/** Every other product whose K allows it asks for what comes next, a line or more at a time. */
const asking = (k: number, m: number): Pick<ProductShape, 'fetches'> => (k % 4 === 0 && m % 2 === 0 ? { fetches: 1 + (m % 3) } : {});

async function isRight(m: number, n: number, k: number, { across, panels, alpha, depth }: Variant, way: (typeof WAYS)[number]): Promise<number> {
  const [a, b] = [randomNumbers(m * k, m + n), randomNumbers(k * n, k)];
  const shape: ProductShape = { m, n, k, alpha, a: across ? { row: 1, column: m } : { row: k, column: 1 }, b: panels ? 'panels' : { row: n }, c: n, batch: [], depth, ...asking(k, m) };
  const memory = new Map<number, Numbers>([[A, a], [B, panels ? inPanels(b, n, k) : b], [C, new Float32Array(m * n).fill(7)]]);
  return worst(shape, n, a, b, (await runKernel(kernel(shape), memory, way, panels ? 0 : SLACK)).get(C)!);
}

describe.skipIf(nativeSupport() !== undefined)('products', () => {
  it('are right for all sizes, turned and not, in panels and not', async () => {
    let turn = 0;
    for (const m of SIZES) for (const n of SIZES) for (const k of SIZES) {
      const [variant, way] = [VARIANTS[turn % VARIANTS.length]!, nextWay()];
      expect(await isRight(m, n, k, variant, way), `${m} × ${n} × ${k} ${JSON.stringify(variant)}`).toBeLessThan(CLOSE);
      turn++;
    }
  });

  it('are right in every way at some sizes', async () => {
    for (const [m, n, k] of [[65, 50, 100], [100, 100, 65], [8, 7, 48], [13, 20, 13], [1, 65, 50], [29, 300, 21]] as const) for (const variant of VARIANTS) for (const way of WAYS) {
      expect(await isRight(m, n, k, variant, way), `${m} × ${n} × ${k} ${JSON.stringify(variant)}`).toBeLessThan(CLOSE);
    }
  });

  it('of a batch, whose matrices lie anywhere', async () => {
    for (const [m, n, k] of [[13, 20, 8], [50, 50, 64], [64, 65, 7], [1, 1, 100], [12, 33, 50]] as const) for (const panels of [false, true]) for (const alpha of [1, 0.3]) for (const way of WAYS) {
      // Heads lie side by side in the rows of A and C, as queries do; the second axis shares B.
      const [heads, images, times] = [3, 2, 2];
      const row = heads * k;
      const each = panels ? panelElements(n, k) : k * n;
      const shape: ProductShape = {
        m, n, k, alpha, a: { row, column: 1 }, b: panels ? 'panels' : { row: n }, c: heads * n,
        batch: [{ size: times, a: images * m * row, b: heads * each, c: images * m * heads * n }, { size: images, a: m * row, b: 0, c: m * heads * n }, { size: heads, a: k, b: each, c: n }], depth: 16,
      };
      const matrices = Array.from({ length: times * heads }, (_, i) => randomNumbers(k * n, i + 1));
      const [b, straight] = [new Float32Array(each * matrices.length), new Float32Array(k * n * matrices.length)];
      matrices.forEach((matrix, i) => {
        b.set(panels ? inPanels(matrix, n, k) : matrix, i * each);
        straight.set(matrix, i * k * n);
      });
      const a = randomNumbers(times * images * m * row, 9);
      const memory = new Map<number, Numbers>([[A, a], [B, b], [C, new Float32Array(times * images * m * heads * n)]]);
      const c = (await runKernel(kernel(shape), memory, way, SLACK)).get(C)!;
      const inRows: ProductShape = { ...shape, batch: shape.batch.map((axis) => ({ ...axis, b: (axis.b / each) * k * n })) };
      expect(worst(inRows, n, a, straight, c), `${m} × ${n} × ${k} ${panels ? 'panels' : 'rows'}`).toBeLessThan(CLOSE);
    }
  });

  it('of rows that lie apart, leave what is between them', async () => {
    const [m, n, k, apart] = [29, 37, 20, 50];
    const [a, b] = [randomNumbers(m * apart, 1), randomNumbers(k * apart, 2)];
    const shape: ProductShape = { m, n, k, alpha: 1, a: { row: apart, column: 2 }, b: { row: apart }, c: apart, batch: [], depth: 384 };
    const c = (await runKernel(kernel(shape), new Map<number, Numbers>([[A, a], [B, b], [C, new Float32Array(m * apart).fill(7)]]), nextWay(), SLACK)).get(C)!;
    expect(worst(shape, apart, a, b, c)).toBeLessThan(CLOSE);
    for (let row = 0; row < m; row++) expect(c.subarray(row * apart + n, (row + 1) * apart).every((number) => number === 7)).toBe(true);
  });

  it('of rows that lie in tiles', async () => {
    for (const [m, n, k] of [[29, 37, 20], [24, 20, 13], [5, 16, 50], [64, 100, 33], [64, 100, 36], [40, 48, 64]] as const) for (const way of WAYS) {
      const rows = tileRows(n);
      const [a, b] = [randomNumbers(m * k, 1), randomNumbers(k * n, 2)];
      const inTiles = new Float32Array(Math.ceil(m / rows) * rows * k);
      for (let row = 0; row < m; row++) for (let depth = 0; depth < k; depth++) inTiles[Math.floor(row / rows) * rows * k + depth * rows + (row % rows)] = a[row * k + depth]!;
      const shape: ProductShape = { m, n, k, alpha: 1, a: { row: 1, column: rows, tile: rows * k }, b: { row: n }, c: n, batch: [], depth: 8, ...asking(k, m) };
      const c = (await runKernel(kernel(shape), new Map<number, Numbers>([[A, inTiles], [B, b], [C, new Float32Array(m * n)]]), way, SLACK)).get(C)!;
      expect(worst({ ...shape, a: { row: k, column: 1 } }, n, a, b, c), `${m} × ${n} × ${k}`).toBeLessThan(CLOSE);
    }
  });

  it('are added to and multiplied by what they end with, each in its turn', async () => {
    const endings: readonly (readonly Ending[])[] = [
      [{ op: 'Add', by: 'columns' }], [{ op: 'Mul', by: 'columns' }, { op: 'Add', by: 'matrix' }], [{ op: 'Mul', by: 'matrix' }], [{ op: 'Add', by: 'columns' }, { op: 'Add', by: 'matrix' }],
    ];
    for (const [m, n, k] of [[29, 37, 20], [24, 48, 64], [5, 16, 50], [65, 100, 33], [8, 192, 40]] as const) for (const ending of endings) for (const depth of [384, 16]) for (const way of WAYS) {
      const [a, b] = [randomNumbers(m * k, 1), randomNumbers(k * n, 2)];
      const others = ending.map(({ by }, i) => randomNumbers(by === 'columns' ? n : m * n, 3 + i));
      const shape: ProductShape = { m, n, k, alpha: 1, a: { row: k, column: 1 }, b: 'panels', c: n, batch: [], depth, ...asking(k, m) };
      const plain = new Map<number, Numbers>([[A, a], [B, inPanels(b, n, k)], [C, new Float32Array(m * n).fill(7)]]);
      const expected = (await runKernel(kernel(shape), plain, way)).get(C)!.slice();
      for (let at = 0; at < expected.length; at++) ending.forEach(({ op, by }, i) => {
        const other = others[i]![by === 'columns' ? at % n : at]!;
        expected[at] = op === 'Add' ? expected[at]! + other : expected[at]! * other;
      });
      const memory = new Map<number, Numbers>([...plain, ...others.map((other, i): [number, Numbers] => [C + 1 + i, other])]);
      const found = (await runKernel(kernel({ ...shape, endings: ending }), memory, way)).get(C)!;
      expect(found, `${m} × ${n} × ${k} ${JSON.stringify(ending)}`).toEqual(expected);
    }
  });

  it('count a unit for each tile of rows', () => {
    const shape: ProductShape = { m: 25, n: 20, k: 1, alpha: 1, a: { row: 1, column: 1 }, b: 'panels', c: 20, batch: [], depth: 1 };
    expect(tileRows(20)).toBe(12);
    expect(productUnits(shape)).toBe(25);
    expect(productUnits({ ...shape, batch: [{ size: 4, a: 0, b: 0, c: 0 }, { size: 5, a: 0, b: 0, c: 0 }] })).toBe(20);
  });
});
