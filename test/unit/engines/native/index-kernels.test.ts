import { describe, expect, it } from 'vitest';
import { argExtremeKernel, cumSumKernel, gatherKernel, libraryKernel, segmentSumKernel, topKKernel, type LibraryOp } from '../../../../extension/training/engines/native/index-kernels';
import { mathFunction } from '../../../../extension/training/engines/native/math-library';
import { nativeSupport } from '../../../../extension/training/engines/native/native-support';
import { elementAt, load, nextWay, placesOf, randomNumbers, runKernel, turned, WAYS, wholeLoad, type Numbers } from './run-kernel';

const [X, Y, TO, MORE] = [1, 2, 3, 4];
const product = (shape: readonly number[]): number => shape.reduce((so, size) => so * size, 1);
const whole = (shape: readonly number[]): number[] => shape.map((_, axis) => product(shape.slice(axis + 1)));
/** Few different numbers, so that many are equal. */
const few = (count: number, seed: number, most: number): Int32Array => Int32Array.from(randomNumbers(count, seed), (number) => Math.round(number * most));

/** A shape's layouts: straight, and turned with an axis backwards. */
function layouts(shape: readonly number[]): { readonly offset: number; readonly strides: readonly number[] }[] {
  const axes = shape.map((_, axis) => axis);
  return [{ offset: 0, strides: whole(shape) }, turned(shape, axes.toReversed(), axes.slice(0, 1)), turned(shape, [...axes.slice(1), ...axes.slice(0, 1)], axes.slice(-1))];
}

const copyOf = (values: Numbers, asWhole: boolean): Numbers => (asWhole ? Int32Array.from(values) : values);

describe.skipIf(nativeSupport() !== undefined)('kernels of places', () => {
  it('gathers rows and single elements, wherever they lie', async () => {
    const cases: readonly (readonly [readonly number[], readonly number[], number])[] = [
      [[5, 48], [7], 0], [[3, 20, 17], [4, 2], 1], [[6], [9], 0], [[6], [], 0], [[4, 6], [5], 1], [[2, 9, 1], [3], 1], [[30, 1], [20], 0], [[3, 4, 5, 6], [2], 2], [[2, 1, 100], [17], 1], [[4, 33000], [3], 0],
    ];
    for (const [xShape, indicesShape, axis] of cases) {
      const shape = [...xShape.slice(0, axis), ...indicesShape, ...xShape.slice(axis + 1)];
      const [x, indices] = [randomNumbers(product(xShape)), few(product(indicesShape), 2, xShape[axis]! + 2)];
      const large = product(shape) > 10000;
      for (const from of large ? layouts(xShape).slice(0, 1) : layouts(xShape)) for (const to of large ? layouts(shape).slice(0, 1) : layouts(shape)) {
        const parts = { shape, x: load(X, from.strides, from), xShape, indices: wholeLoad(Y, indicesShape, 'int32'), indicesShape, axis, to: { root: TO, ...to } };
        for (const way of WAYS) {
          const got = (await runKernel(gatherKernel(parts), new Map<number, Numbers>([[X, x], [Y, indices], [TO, new Float32Array(product(shape))]]), way)).get(TO)!;
          const wrong = [...placesOf(shape)].filter((at) => {
            const index = indices[elementAt({ offset: 0, strides: whole(indicesShape) }, at.slice(axis, axis + indicesShape.length))]!;
            const source = [...at.slice(0, axis), Math.min(Math.max(index, 0), xShape[axis]! - 1), ...at.slice(axis + indicesShape.length)];
            return got[elementAt(to, at)] !== x[elementAt(from, source)];
          });
          expect(wrong, `${xShape} by ${indicesShape} along ${axis}`).toEqual([]);
        }
      }
    }
  });

  it('adds up the rows of a segment, and none beyond', async () => {
    const cases: readonly (readonly [readonly number[], readonly number[], number])[] = [[[40, 100], [40], 7], [[9], [9], 3], [[12, 1], [12], 5], [[4, 5, 3, 17], [4, 5], 6], [[1, 64], [1], 2], [[20, 192], [20], 20], [[6, 67], [6], 2]];
    for (const [xShape, segmentsShape, count] of cases) for (const dtype of ['float32', 'int32'] as const) {
      const shape = [count, ...xShape.slice(segmentsShape.length)];
      const [x, segments] = [copyOf(randomNumbers(product(xShape)).map((number) => number * 100), dtype === 'int32'), few(product(segmentsShape), 3, count)];
      for (const from of layouts(xShape)) for (const to of layouts(shape)) for (const way of WAYS) {
        const parts = { x: load(X, from.strides, { ...from, dtype }), xShape, segments: wholeLoad(Y, segmentsShape, 'int32'), segmentsShape, count, to: { root: TO, ...to } };
        const expected = copyOf(new Float32Array(product(shape)), dtype === 'int32');
        for (const at of placesOf(xShape)) {
          const segment = segments[elementAt({ offset: 0, strides: whole(segmentsShape) }, at.slice(0, segmentsShape.length))]!;
          if (segment < 0 || segment >= count) continue;
          expected[elementAt(to, [segment, ...at.slice(segmentsShape.length)])]! += x[elementAt(from, at)]!;
        }
        const got = (await runKernel(segmentSumKernel(parts), new Map<number, Numbers>([[X, x], [Y, segments], [TO, expected.map(() => 7)]]), way)).get(TO)!;
        expect(got, `${xShape} to ${count}`).toEqual(expected);
      }
    }
  });

  it('finds the first extreme', async () => {
    for (const shape of [[1], [17], [5, 7], [3, 4, 5], [2, 100]]) for (let axis = 0; axis < shape.length; axis++) for (const dtype of ['float32', 'int32'] as const) {
      const kept = shape.filter((_, other) => other !== axis);
      const x = copyOf(Float32Array.from(few(product(shape), 5 + axis, 3)), dtype === 'int32');
      for (const op of ['ArgMax', 'ArgMin'] as const) for (const from of layouts(shape)) for (const to of layouts(kept)) {
        const way = nextWay();
        const kernel = argExtremeKernel({ op, x: load(X, from.strides, { ...from, dtype }), shape, axis, to: { root: TO, ...to } });
        const got = (await runKernel(kernel, new Map<number, Numbers>([[X, x], [TO, new Int32Array(product(kept))]]), way)).get(TO)!;
        for (const at of placesOf(kept)) {
          const along = Array.from({ length: shape[axis]! }, (_, i) => x[elementAt(from, at.toSpliced(axis, 0, i))]!);
          expect(got[elementAt(to, at)], `${op} of ${along}`).toBe(along.indexOf(op === 'ArgMax' ? Math.max(...along) : Math.min(...along)));
        }
      }
    }
  });

  it('takes both zeros as the same, and orders all numbers', async () => {
    const x = Float32Array.of(-0, 0, -1e-45, 1e-45, -Infinity, Infinity, 3e38, -3e38, 1, -1, 0, -0);
    const values = new Float32Array(12);
    const memory = new Map<number, Numbers>([[X, x], [TO, values], [MORE, new Int32Array(12)]]);
    const after = await runKernel(topKKernel({ x: wholeLoad(X, [12]), shape: [12], k: 12, values: { root: TO, offset: 0, strides: [1] }, indices: { root: MORE, offset: 0, strides: [1] } }), memory, nextWay());
    expect([...after.get(MORE)!]).toEqual([5, 6, 8, 3, 0, 1, 10, 11, 2, 9, 7, 4]);
    expect([...after.get(TO)!]).toEqual([5, 6, 8, 3, 0, 1, 10, 11, 2, 9, 7, 4].map((at) => x[at]));
  });

  it('takes the largest, the first of equal ones first', async () => {
    for (const [shape, k] of [[[1], 1], [[17], 17], [[5, 20], 3], [[2, 3, 33], 8], [[40, 9], 9]] as const) for (const dtype of ['float32', 'int32'] as const) {
      const shapeOfResult = [...shape.slice(0, -1), k];
      const x = copyOf(Float32Array.from(few(product(shape), 9, 4)), dtype === 'int32');
      for (const from of layouts(shape)) for (const to of layouts(shapeOfResult)) {
        const way = nextWay();
        const kernel = topKKernel({ x: load(X, from.strides, { ...from, dtype }), shape, k, values: { root: TO, offset: 0, strides: whole(shapeOfResult) }, indices: { root: MORE, ...to } });
        const size = product(shapeOfResult);
        const after = await runKernel(kernel, new Map<number, Numbers>([[X, x], [TO, copyOf(new Float32Array(size), dtype === 'int32')], [MORE, new Int32Array(size)]]), way);
        for (const row of placesOf(shape.slice(0, -1))) {
          const along = Array.from({ length: shape.at(-1)! }, (_, i) => x[elementAt(from, [...row, i])]!);
          const order = along.map((_, i) => i).sort((a, b) => along[b]! - along[a]! || a - b).slice(0, k);
          expect(order.map((_, i) => after.get(MORE)![elementAt(to, [...row, i])]), `of ${along}`).toEqual(order);
          expect(order.map((_, i) => after.get(TO)![elementAt({ offset: 0, strides: whole(shapeOfResult) }, [...row, i])])).toEqual(order.map((i) => along[i]));
        }
      }
    }
  });

  it('adds up along an axis, from either end', async () => {
    for (const shape of [[1], [33], [4, 17], [3, 100], [2, 5, 16], [70, 3]]) for (let axis = 0; axis < shape.length; axis++) for (const dtype of ['float32', 'int32'] as const) {
      const x = copyOf(Float32Array.from(few(product(shape), 4, 50)), dtype === 'int32');
      for (const from of layouts(shape)) for (const to of layouts(shape)) for (const reverse of [false, true]) for (const exclusive of [false, true]) {
        const kernel = cumSumKernel({ x: load(X, from.strides, { ...from, dtype }), shape, axis, exclusive, reverse, to: { root: TO, ...to }, dtype });
        const got = (await runKernel(kernel, new Map([[X, x], [TO, copyOf(new Float32Array(x.length), dtype === 'int32')]]), nextWay())).get(TO)!;
        const wrong = [...placesOf(shape)].filter((at) => {
          const before = Array.from({ length: shape[axis]! }, (_, i) => i).filter((i) => (reverse ? i > at[axis]! : i < at[axis]!) || (i === at[axis]! && !exclusive));
          return got[elementAt(to, at)] !== before.reduce((sum, i) => sum + x[elementAt(from, at.toSpliced(axis, 1, i))]!, 0);
        });
        expect(wrong, `${shape} along ${axis}`).toEqual([]);
      }
    }
  });

  it('calls the C library for each element', async () => {
    const functions = { Log: Math.log, Log1p: Math.log1p, Sin: Math.sin, Cos: Math.cos, Pow: Math.pow };
    for (const op of Object.keys(functions) as LibraryOp[]) for (const shape of [[], [1], [17], [128], [3, 67], [5, 4, 3]]) for (const from of layouts(shape)) for (const to of layouts(shape)) for (const way of WAYS) {
      const operands = op === 'Pow' ? [load(X, from.strides, from), load(Y, shape.map(() => 0))] : [load(X, from.strides, from)];
      const x = randomNumbers(product(shape)).map((number) => (op === 'Sin' || op === 'Cos' ? 1e4 * number : Math.abs(number)));
      const memory = new Map([[X, x], [Y, Float32Array.of(2.5)], [TO, new Float32Array(x.length)]]);
      const got = (await runKernel(libraryKernel(op, shape, operands, { root: TO, ...to }), memory, way)).get(TO)!;
      for (const at of placesOf(shape)) {
        const expected = functions[op](x[elementAt(from, at)]!, 2.5);
        expect(Math.abs(got[elementAt(to, at)]! - expected), `${op} of ${x[elementAt(from, at)]}`).toBeLessThanOrEqual(1.2e-7 * Math.abs(expected));
      }
    }
  });

  it('calls it in place', async () => {
    const x = Float32Array.of(0.5, 1, 2);
    const got = (await runKernel(libraryKernel('Pow', [3], [wholeLoad(X, [3]), wholeLoad(X, [3])], { root: X, offset: 0, strides: [1] }), new Map([[X, x]]), nextWay())).get(X)!;
    expect([...got]).toEqual([Math.fround(Math.SQRT1_2), 1, 4]);
  });

  it('refuses functions that there are not, and whole numbers for the C library', () => {
    expect(() => mathFunction('no_such_function')).toThrow('no_such_function');
    expect(() => libraryKernel('Pow', [1], [wholeLoad(X, [1], 'int32'), wholeLoad(Y, [1])], { root: TO, offset: 0, strides: [1] })).toThrow('whole');
  });
});
