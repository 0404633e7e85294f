import { describe, expect, it } from 'vitest';
import type { Dtype, OpName } from '../../../../extension/training/engines/compiled/ir';
import { contiguous, type Compute, type Expression, type View } from '../../../../extension/training/engines/native/expression';
import { layerNormKernel, mapKernel, reductionKernel, softmaxKernel, type ReductionOp } from '../../../../extension/training/engines/native/loop-kernels';
import { nativeSupport } from '../../../../extension/training/engines/native/native-support';
import { elementAt, load, nextWay, placesOf, randomNumbers, runKernel, turned, WAYS, wholeLoad, type Numbers } from './run-kernel';

const [X, Y, TO, MEAN, SPREAD] = [0, 1, 2, 3, 4];
const SHAPES: readonly (readonly number[])[] = [[], [1], [15], [16], [17], [48], [100], [5000], [3, 1], [1, 33], [7, 15], [16, 16], [4, 100], [2, 3, 17], [3, 16, 5], [2, 2, 3, 20]];
const product = (shape: readonly number[]): number => shape.reduce((so, size) => so * size, 1);
const compute = (op: OpName, operands: readonly Expression[], dtype: Dtype = 'float32', attrs: Compute['attrs'] = {}): Compute => ({ kind: 'compute', op, dtype, attrs, operands });

type Layout = Pick<View, 'offset' | 'strides'>;
/** Straight; turned round; with an axis backwards. */
function layouts(shape: readonly number[]): Layout[] {
  const axes = shape.map((_, axis) => axis);
  return [{ offset: 0, strides: contiguous(shape) }, turned(shape, axes.toReversed()), turned(shape, axes, axes.slice(-1)), turned(shape, axes, axes.slice(0, 1))];
}
/** Of what is only read: besides, every other element, and one for all along the last axis or the first. */
const readLayouts = (shape: readonly number[]): Layout[] => [
  ...layouts(shape),
  { offset: 1, strides: contiguous(shape).map((stride) => 2 * stride) },
  { offset: 0, strides: contiguous(shape).map((stride, axis) => (axis === shape.length - 1 ? 0 : stride)) },
  { offset: 0, strides: contiguous(shape).map((stride, axis) => (axis === 0 ? 0 : stride)) },
];

const at = (values: Numbers, view: Layout, place: readonly number[]): number => values[elementAt(view, place)]!;
const memoryOf = (x: Numbers, shape: readonly number[]): Map<number, Numbers> => new Map<number, Numbers>([[X, x], [TO, x.map(() => 7).slice(0, product(shape))]]);

function worst(got: Numbers, to: Layout, shape: readonly number[], expected: (place: readonly number[]) => number): number {
  let most = 0;
  for (const place of placesOf(shape)) {
    const wanted = expected(place);
    const off = Math.abs(at(got, to, place) - wanted) / Math.max(1, Math.abs(wanted));
    most = Number.isNaN(off) ? Infinity : Math.max(most, off);
  }
  return most;
}

describe.skipIf(nativeSupport() !== undefined)('kernels of loops', () => {
  it('compute each element, wherever it is read and written', async () => {
    for (const shape of SHAPES) {
      const x = randomNumbers(2 * product(shape) + 2);
      for (const from of readLayouts(shape)) for (const to of layouts(shape)) for (const way of WAYS) {
        const value = load(X, from.strides, from);
        const expression = compute('Add', [compute('Mul', [value, value]), { kind: 'number', dtype: 'float32', number: 0.5 }]);
        const got = (await runKernel(mapKernel('Map', shape, [{ expression, to: { root: TO, ...to } }]), memoryOf(x, shape), way)).get(TO)!;
        expect(worst(got, to, shape, (place) => Math.fround(Math.fround(at(x, from, place) ** 2) + 0.5)), `[${shape}] ${JSON.stringify([from, to])}`).toBe(0);
      }
    }
  });

  it('write several results of one pass', async () => {
    const shape = [5, 20];
    const x = randomNumbers(100);
    const value = wholeLoad(X, shape);
    const square = compute('Square', [value]);
    const stored = [{ expression: square, to: { root: TO, ...turned(shape, [1, 0]) } }, { expression: compute('Neg', [square]), to: { root: Y, ...turned(shape, [0, 1], [1]) } }, { expression: value, to: { root: MEAN, offset: 0, strides: contiguous(shape) } }];
    const after = await runKernel(mapKernel('Map', shape, stored), new Map([[X, x], [TO, new Float32Array(100)], [Y, new Float32Array(100)], [MEAN, new Float32Array(100)]]), nextWay());
    const input = (place: readonly number[]): number => at(x, { offset: 0, strides: contiguous(shape) }, place);
    expect(worst(after.get(TO)!, stored[0]!.to, shape, (place) => Math.fround(input(place) ** 2))).toBe(0);
    expect(worst(after.get(Y)!, stored[1]!.to, shape, (place) => -Math.fround(input(place) ** 2))).toBe(0);
    expect(after.get(MEAN)).toEqual(x);
  });

  it('read more values than there are registers for pointers', async () => {
    for (const shape of [[1], [100], [5000], [7, 33], [3, 5, 17]]) for (const count of [7, 8, 9, 12, 16]) for (const to of layouts(shape)) {
      const views = Array.from({ length: count }, (_, i) => readLayouts(shape)[i % 7]!);
      const memory = new Map(views.map((_, i) => [10 + i, randomNumbers(2 * product(shape) + 2, i + 1)]));
      const expression = views.map((view, i): Expression => load(10 + i, view.strides, view)).reduce((sum, one) => compute('Add', [sum, one]));
      const kernel = mapKernel('Map', shape, [{ expression, to: { root: TO, ...to } }]);
      const got = (await runKernel(kernel, new Map([...memory, [TO, new Float32Array(product(shape))]]), nextWay())).get(TO)!;
      expect(worst(got, to, shape, (place) => views.reduce((sum, view, i) => Math.fround(sum + at(memory.get(10 + i)!, view, place)), 0)), `${count} over [${shape}]`).toBe(0);
    }
  });

  it('may write where they read', async () => {
    const x = randomNumbers(5000);
    const kernel = mapKernel('Map', [5000], [{ expression: compute('Neg', [wholeLoad(X, [5000])]), to: { root: X, offset: 0, strides: [1] } }]);
    expect((await runKernel(kernel, new Map([[X, x]]), nextWay())).get(X)).toEqual(x.map((number) => -number));
  });

  const REDUCTIONS: Readonly<Record<ReductionOp, readonly [number, (a: number, b: number) => number]>> = {
    Sum: [0, (a, b) => a + b], Mean: [0, (a, b) => a + b], Prod: [1, (a, b) => a * b], Max: [-Infinity, Math.max], Min: [Infinity, Math.min],
  };
  /** Every choice of axes but none. */
  const choices = (rank: number): number[][] => Array.from({ length: 2 ** rank - 1 }, (_, i) => Array.from({ length: rank }, (_axis, axis) => axis).filter((axis) => ((i + 1) >> axis) & 1));

  it.each(Object.keys(REDUCTIONS) as ReductionOp[])('%s over all choices of axes', async (op) => {
    const [neutral, ofFloats] = REDUCTIONS[op];
    for (const shape of SHAPES.filter((one) => product(one) < 1000)) for (const axes of choices(shape.length)) for (const dtype of op === 'Mean' ? (['float32'] as const) : (['float32', 'int32'] as const)) {
      const random = randomNumbers(2 * product(shape) + 2, 3);
      const x = dtype === 'float32' ? (op === 'Prod' ? random.map((number) => 1 + number / 10) : random) : Int32Array.from(random, (number) => Math.round(3 * number) | 1);
      const combine = op === 'Prod' && dtype === 'int32' ? Math.imul : ofFloats;
      const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
      const scale = op === 'Mean' ? product(kept) / product(shape) : 1;
      for (const [i, from] of readLayouts(shape).entries()) {
        const straight = layouts(kept)[i % 2]!;
        const to = { ...straight, strides: straight.strides.map((stride, axis) => (axes.includes(axis) ? 0 : stride)) };
        const kernel = reductionKernel({ op, dtype, expression: load(X, from.strides, { ...from, dtype }), shape, axes, to: { root: TO, ...to }, scale });
        const got = (await runKernel(kernel, memoryOf(x, kept), nextWay())).get(TO)!;
        const off = worst(got, to, kept, (place) => {
          let total = neutral;
          for (const inside of placesOf(shape.map((size, axis) => (axes.includes(axis) ? size : 1)))) total = combine(total, at(x, from, place.map((coordinate, axis) => (axes.includes(axis) ? inside[axis]! : coordinate))));
          return scale * total;
        });
        expect(off, `[${shape}] over ${axes} of ${JSON.stringify([from, to])}`).toBeLessThan(op === 'Max' || op === 'Min' || dtype === 'int32' ? 1e-12 : 3e-6);
      }
    }
  });

  it('reduce what is computed of more values than there are registers', async () => {
    const [shape, axes] = [[3, 4, 18], [1]];
    const memory = new Map(Array.from({ length: 10 }, (_, i) => [10 + i, randomNumbers(216, i + 1)]));
    const expression = [...memory.keys()].map((id): Expression => wholeLoad(id, shape)).reduce((sum, one) => compute('Add', [sum, one]));
    for (const reduced of [axes, [1, 2], [0], [0, 1, 2], [2]]) {
      const kept = shape.map((size, axis) => (reduced.includes(axis) ? 1 : size));
      const to = { offset: 0, strides: contiguous(kept).map((stride, axis) => (reduced.includes(axis) ? 0 : stride)) };
      const kernel = reductionKernel({ op: 'Sum', dtype: 'float32', expression, shape, axes: reduced, to: { root: TO, ...to }, scale: 1 });
      const got = (await runKernel(kernel, new Map([...memory, [TO, new Float32Array(product(kept))]]), nextWay())).get(TO)!;
      const off = worst(got, to, kept, (place) => {
        let total = 0;
        for (const inside of placesOf(shape)) {
          if (inside.every((coordinate, axis) => reduced.includes(axis) || coordinate === place[axis])) for (const values of memory.values()) total += at(values, { offset: 0, strides: contiguous(shape) }, inside);
        }
        return total;
      });
      expect(off, String(reduced)).toBeLessThan(1e-5);
    }
  });

  it('softmax of rows, also of large numbers and of one', async () => {
    for (const shape of [[1], [16], [17], [5, 1], [7, 15], [4, 100], [2, 3, 33]]) for (const [i, from] of layouts(shape).entries()) for (const to of layouts(shape).slice(0, 1 + i)) {
      const x = randomNumbers(product(shape)).map((number) => 60 * number + 1000);
      const got = (await runKernel(softmaxKernel(shape, load(X, from.strides, from), { root: TO, ...to }), memoryOf(x, shape), nextWay())).get(TO)!;
      const off = worst(got, to, shape, (place) => {
        const row = Array.from({ length: shape.at(-1)! }, (_, i) => at(x, from, [...place.slice(0, -1), i]));
        const peak = Math.max(...row);
        return Math.exp(at(x, from, place) - peak) / row.reduce((sum, number) => sum + Math.exp(number - peak), 0);
      });
      expect(off, `[${shape}] ${JSON.stringify([from, to])}`).toBeLessThan(3e-7);
    }
  });

  it('LayerNorm of rows, with and without shift and statistics', async () => {
    const eps = 1e-5;
    for (const shape of [[1], [16], [17], [5, 1], [7, 15], [4, 100], [2, 3, 65]]) for (const [i, from] of layouts(shape).entries()) for (const isFull of [true, false]) {
      const to = layouts(shape)[3 - i]!;
      const width = shape.at(-1)!;
      const [x, gamma, beta] = [randomNumbers(product(shape)).map((number) => number + 3), randomNumbers(width, 5), randomNumbers(width, 6)];
      const overRows = shape.map((_, axis) => (axis === shape.length - 1 ? 1 : 0));
      const statistic = (root: number): View => ({ root, offset: 0, strides: contiguous([...shape.slice(0, -1), 1]).map((stride, axis) => (axis === shape.length - 1 ? 0 : stride)) });
      const parts = { x: load(X, from.strides, from), gamma: load(Y, overRows), eps, to: { root: TO, ...to } };
      const kernel = layerNormKernel(shape, isFull ? { ...parts, beta: load(9, overRows), mean: statistic(MEAN), inverseStd: statistic(SPREAD) } : parts);
      const rows = product(shape) / width;
      const after = await runKernel(kernel, new Map([...memoryOf(x, shape), [Y, gamma], [9, beta], [MEAN, new Float32Array(rows)], [SPREAD, new Float32Array(rows)]]), nextWay());
      const statistics = (place: readonly number[]): [number, number] => {
        const row = Array.from({ length: width }, (_, i) => at(x, from, [...place.slice(0, -1), i]));
        const mean = row.reduce((sum, number) => sum + number, 0) / width;
        return [mean, 1 / Math.sqrt(row.reduce((sum, number) => sum + (number - mean) ** 2, 0) / width + eps)];
      };
      const off = worst(after.get(TO)!, to, shape, (place) => {
        const [mean, inverse] = statistics(place);
        return (at(x, from, place) - mean) * inverse * gamma[place.at(-1)!]! + (isFull ? beta[place.at(-1)!]! : 0);
      });
      expect(off, `[${shape}] ${JSON.stringify([from, to])}`).toBeLessThan(width === 1 ? 1e-4 : 3e-6);
      if (!isFull) continue;
      expect(worst(after.get(MEAN)!, statistic(MEAN), [...shape.slice(0, -1), 1], (place) => statistics(place)[0])).toBeLessThan(1e-6);
      if (width > 1) expect(worst(after.get(SPREAD)!, statistic(SPREAD), [...shape.slice(0, -1), 1], (place) => statistics(place)[1])).toBeLessThan(1e-5);
    }
  });
});

