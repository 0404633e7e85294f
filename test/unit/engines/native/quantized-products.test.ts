/** Products of rows rounded to 8 bits compute what the same roundings make of them in JavaScript. */
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../../extension/training/random';
import type { Kernel } from '../../../../extension/training/engines/native/kernel';
import { computesBytes } from '../../../../extension/training/engines/native/native-support';
import { quantizedKernels } from '../../../../extension/training/engines/native/quantized-products';
import { elementAt, load, nextWay, randomNumbers, runKernel, turned, WAYS, type Numbers, type Way } from './run-kernel';

const [X, TO, FIRST_OWN] = [1, 2, 10];
const ROWS = [1, 7, 8, 9, 20, 65];
const COLUMNS = [1, 16, 20, 48, 50, 64, 96, 100];
const DEPTHS = [4, 16, 17, 20, 30, 64, 192];
const LARGEST = 127;
/** Of a result's size: two units in the last place. */
const CLOSE = 2 ** -22;
const UNTOUCHED = 7;

type Matrix = Pick<ReturnType<typeof load>, 'offset' | 'strides'>;
const straight = (columns: number): Matrix => ({ offset: 0, strides: [columns, 1] });

interface Product {
  readonly m: number;
  readonly k: number;
  readonly x: Float32Array;
  /** Where rows of x lie. Default: side by side. */
  readonly from?: Matrix;
  /** [K, N] */
  readonly weights: Int8Array;
  readonly scales: Float32Array;
  /** Where rows of the result lie, and the elements of its memory. Default: side by side. */
  readonly to?: Matrix & { readonly elements: number };
}

/** Any weights there are, of both signs. */
function weightsOf(k: number, n: number): Int8Array {
  return Int8Array.from(randomNumbers(k * n, k + n), (number) => Math.floor(128 * number));
}

function productOf(m: number, n: number, k: number): Product {
  return { m, k, x: randomNumbers(m * k, m + k).map((number) => 3 * number), weights: weightsOf(k, n), scales: randomNumbers(n, n).map((number) => number / 100) };
}

/** @param alter of the kernels, before they run */
async function computed({ m, k, x, from = straight(k), weights, scales, to }: Product, way: Way, alter: (kernel: Kernel) => Kernel = (kernel) => kernel): Promise<Numbers> {
  const n = scales.length;
  const memory = new Map<number, Numbers>([[X, x], [TO, new Float32Array(to?.elements ?? m * n).fill(UNTOUCHED)]]);
  const own = (numbers: Numbers): number => {
    const id = FIRST_OWN + memory.size;
    memory.set(id, numbers);
    return id;
  };
  const kernels = quantizedKernels({
    x: load(X, from.strides, from), shape: [m, k], weights, scales, to: { root: TO, ...(to ?? straight(n)) },
    // Bytes that fill a row's last group are what was there before.
    scratch: (words) => own(new Int32Array(words).fill(0x55aaff81)),
    constant: own,
  });
  for (const kernel of kernels) for (const [id, numbers] of await runKernel(alter(kernel), memory, way)) memory.set(id, numbers);
  return memory.get(TO)!;
}

function roundedToEven(number: number): number {
  const down = Math.floor(number);
  const over = number - down;
  return over > 0.5 || (over === 0.5 && down % 2 !== 0) ? down + 1 : down;
}

/** The whole numbers of a row, and what one of them stands for. */
function roundedRow(row: Float32Array): { numbers: number[]; factor: number } {
  const most = row.reduce((largest, number) => Math.max(largest, Math.abs(number)), Math.fround(1e-30));
  const inverse = Math.fround(LARGEST / most);
  return { numbers: Array.from(row, (number) => roundedToEven(Math.fround(number * inverse))), factor: Math.fround(most * Math.fround(1 / LARGEST)) };
}

function expected({ m, k, x, from = straight(k), weights, scales }: Product): Float32Array {
  const n = scales.length;
  const made = new Float32Array(m * n);
  for (let i = 0; i < m; i++) {
    const { numbers, factor } = roundedRow(Float32Array.from({ length: k }, (_, depth) => x[elementAt(from, [i, depth])]!));
    for (let j = 0; j < n; j++) {
      const sum = numbers.reduce((so, number, depth) => so + number * weights[depth * n + j]!, 0);
      made[i * n + j] = Math.fround(Math.fround(sum * scales[j]!) * factor);
    }
  }
  return made;
}

/** How far from right a result is, of its size. */
function worst(product: Product, got: Numbers): number {
  const n = product.scales.length;
  const to = product.to ?? straight(n);
  return expected(product).reduce((most, wanted, place) => {
    const found = got[elementAt(to, [Math.floor(place / n), place % n])]!;
    const off = found === wanted ? 0 : Math.abs(found - wanted) / Math.abs(wanted);
    return Number.isNaN(off) ? Infinity : Math.max(most, off);
  }, 0);
}

function normals(count: number, seed: number): Float32Array {
  const random = new RandomStream(seed, 'test');
  return Float32Array.from({ length: count }, () => random.normal());
}

/** Of the size of what is right. */
function rms(got: Numbers, exact: Float64Array): number {
  const size = (numbers: Float64Array): number => Math.sqrt(numbers.reduce((sum, number) => sum + number ** 2, 0));
  return size(exact.map((number, i) => number - got[i]!)) / size(exact);
}

describe.skipIf(!computesBytes())('products in 8 bits', () => {
  it('are right for all sizes', async () => {
    for (const m of ROWS) for (const n of COLUMNS) for (const k of DEPTHS) {
      const product = productOf(m, n, k);
      expect(worst(product, await computed(product, nextWay())), `${m} × ${n} × ${k}`).toBeLessThanOrEqual(CLOSE);
    }
  });

  it('are right however rows are divided among calls', async () => {
    for (const [m, n, k] of [[65, 50, 30], [29, 16, 17], [26, 20, 64], [9, 100, 192]] as const) for (const way of [...WAYS, { threads: 2, grain: 11 }, { threads: 1, grain: 17 }]) {
      const product = productOf(m, n, k);
      const got = await computed(product, way, (kernel) => ({ ...kernel, multiple: 1 }));
      expect(worst(product, got), `${m} × ${n} × ${k} ${JSON.stringify(way)}`).toBeLessThanOrEqual(CLOSE);
    }
  });

  it('read rows that lie anywhere, and leave what is between the result’s', async () => {
    for (const [m, n, k] of [[9, 50, 30], [20, 16, 17], [1, 48, 20]] as const) for (const from of [{ offset: 3, strides: [k + 5, 1] }, turned([m, k], [1, 0]), turned([m, k], [0, 1], [1]), { offset: 0, strides: [0, 1] }]) {
      const [apart, before] = [n + 6, 4];
      const to = { offset: before, strides: [apart, 1], elements: before + m * apart };
      const product = { ...productOf(m, n, k), x: randomNumbers(m * (k + 5) + 3, k), from, to };
      const got = await computed(product, nextWay());
      expect(worst(product, got), `${m} × ${n} × ${k} ${JSON.stringify(from)}`).toBeLessThanOrEqual(CLOSE);
      expect(got.every((number, at) => (at >= before && (at - before) % apart < n) || number === UNTOUCHED)).toBe(true);
    }
  });

  it('keep rows of zeros, beside others and alone', async () => {
    for (const m of ROWS) for (const n of [1, 20, 64]) for (const k of [4, 17, 64]) {
      const product = productOf(m, n, k);
      const isEmpty = (row: number): boolean => row % 3 === 0;
      product.x.forEach((_, at) => {
        if (isEmpty(Math.floor(at / k))) product.x[at] = at % 2 === 0 ? 0 : -0;
      });
      const got = await computed(product, nextWay());
      expect(worst(product, got)).toBeLessThanOrEqual(CLOSE);
      expect(got.every((number, at) => !isEmpty(Math.floor(at / n)) || number === 0), `${m} × ${n} × ${k}`).toBe(true);
    }
  });

  it('round halves to even, and rows of any size by their own largest number', async () => {
    const halves = Float32Array.from({ length: 30 }, (_, i) => (i === 0 ? -LARGEST : i - 15.5));
    const rows = [halves, halves.map((number) => number * 2 ** 100), halves.map((number) => number * 2 ** -90), halves.map((number) => number * 1e-37), halves.map((_, i) => (i === 29 ? 5 : 0)), halves.map((_, i) => (i === 16 ? -1e38 : 1))];
    const product = { ...productOf(rows.length, 20, 30), x: Float32Array.from(rows.flatMap((row) => [...row])) };
    expect(worst(product, await computed(product, nextWay()))).toBeLessThanOrEqual(CLOSE);
  });

  it('show what is no number in all results of its row, and in no other', async () => {
    const [m, n, k] = [9, 20, 30];
    for (const none of [NaN, Infinity, -Infinity]) for (const at of [0, 13, k - 1]) {
      const product = productOf(m, n, k);
      product.x[4 * k + at] = none;
      const got = await computed(product, nextWay());
      expect(Array.from(got, (number) => Number.isFinite(number)), `${none} at ${at}`).toEqual(Array.from(got, (_, i) => Math.floor(i / n) !== 4));
    }
  });

  it('do not saturate: every product at its largest', async () => {
    for (const [number, weight] of [[2, LARGEST], [-2, LARGEST], [2, -128], [-2, -128]] as const) {
      const product = { ...productOf(9, 50, 192), x: new Float32Array(9 * 192).fill(number), weights: new Int8Array(192 * 50).fill(weight) };
      expect(worst(product, await computed(product, nextWay()))).toBeLessThanOrEqual(CLOSE);
    }
  });

  it('are within one per cent of the exact ones, on normal numbers', async () => {
    for (const [m, n, k] of [[65, 100, 64], [65, 48, 192]] as const) {
      const [x, exactWeights] = [normals(m * k, 1), normals(k * n, 2)];
      const scales = Float32Array.from({ length: n }, (_, j) => Math.max(...Array.from({ length: k }, (_row, depth) => Math.abs(exactWeights[depth * n + j]!))) / LARGEST);
      const weights = Int8Array.from(exactWeights, (weight, at) => Math.round(weight / scales[at % n]!));
      const exact = Float64Array.from({ length: m * n }, (_, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        let sum = 0;
        for (let depth = 0; depth < k; depth++) sum += x[i * k + depth]! * exactWeights[depth * n + j]!;
        return sum;
      });
      expect(rms(await computed({ m, k, x, weights, scales }, nextWay()), exact), `${m} × ${n} × ${k}`).toBeLessThan(0.01);
    }
  });
});
