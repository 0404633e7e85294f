import { describe, expect, it } from 'vitest';
import { floatsToHalves, halvesToFloats } from '../../../../extension/core/checkpoints/half';
import { gatherHalvesKernel, widenKernel } from '../../../../extension/training/engines/native/half-kernels';
import { nativeSupport } from '../../../../extension/training/engines/native/native-support';
import { elementAt, placesOf, randomNumbers, runKernel, turned, WAYS, wholeLoad, type Numbers } from './run-kernel';

const [INPUT, INDICES, TO] = [1, 2, 3];
const product = (shape: readonly number[]): number => shape.reduce((so, size) => so * size, 1);
const straight = (shape: readonly number[]): number[] => shape.map((_, axis) => product(shape.slice(axis + 1)));
const halves = (count: number, seed = 3): Uint16Array => floatsToHalves(randomNumbers(count, seed).map((number) => 300 * number));

describe.skipIf(nativeSupport() !== undefined)('what is given in halves', () => {
  it('becomes the floats that they are: every one, the smallest and those that are none', async () => {
    const every = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
    for (const given of [every, ...[1, 15, 16, 17, 8192, 8193, 20_011].map((count) => halves(count))]) for (const way of WAYS) {
      const found = (await runKernel(widenKernel(given.length, INPUT, TO), new Map<number, Numbers>([[INPUT, given], [TO, new Float32Array(given.length)]]), way)).get(TO)!;
      expect(found, `${given.length} halves`).toEqual(halvesToFloats(given));
    }
  });

  it('is gathered by rows, those beyond the ends being the first and the last', async () => {
    for (const [xShape, indicesShape] of [[[5, 48], [7]], [[9, 2], [4]], [[3, 34], [2, 5]], [[30, 192], [64]], [[4, 16], [1]]] as const) {
      const shape = [...indicesShape, xShape[1]];
      const [x, indices] = [halves(product(xShape)), Int32Array.from(randomNumbers(product(indicesShape), 5), (number) => Math.round(number * (xShape[0] + 2)))];
      const floats = halvesToFloats(x);
      for (const to of [{ offset: 0, strides: straight(shape) }, turned(shape, shape.map((_, axis) => axis).toReversed())]) for (const way of WAYS) {
        const kernel = gatherHalvesKernel({ shape, input: INPUT, xShape, indices: wholeLoad(INDICES, indicesShape, 'int32'), indicesShape, to: { root: TO, ...to } })!;
        const found = (await runKernel(kernel, new Map<number, Numbers>([[INPUT, x], [INDICES, indices], [TO, new Float32Array(product(shape))]]), way)).get(TO)!;
        const wrong = [...placesOf(shape)].filter((at) => {
          const index = indices[elementAt({ offset: 0, strides: straight(indicesShape) }, at.slice(0, -1))]!;
          return found[elementAt(to, at)] !== floats[Math.min(Math.max(index, 0), xShape[0] - 1) * xShape[1] + at.at(-1)!];
        });
        expect(wrong, `${xShape} by ${indicesShape}`).toEqual([]);
      }
    }
  });

  it('is not gathered so where rows do not end with a word, or are more than rows', () => {
    const parts = { input: INPUT, indices: wholeLoad(INDICES, [4], 'int32'), indicesShape: [4] };
    expect(gatherHalvesKernel({ ...parts, shape: [4, 7], xShape: [5, 7], to: { root: TO, offset: 0, strides: [7, 1] } })).toBeUndefined();
    expect(gatherHalvesKernel({ ...parts, shape: [4, 3, 2], xShape: [5, 3, 2], to: { root: TO, offset: 0, strides: [6, 2, 1] } })).toBeUndefined();
  });
});
