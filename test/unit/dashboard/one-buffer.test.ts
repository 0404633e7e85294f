import { expect, it } from 'vitest';
import { inOneBuffer } from '../../../extension/core/dashboard/one-buffer';
import type { Series } from '../../../extension/core/protocol/dashboard';

const x = Float64Array.of(1, 2, 3);
const given: Series[] = [
  { run: 'a', metric: 'loss', x, y: Float64Array.of(4, Number.NaN, 6), low: Float64Array.of(3, 4, 5), high: Float64Array.of(5, 6, 7) },
  { run: 'a', metric: 'lr', x, y: Float64Array.of(7, 8, 9) },
  { run: 'b', metric: 'loss', x: Float64Array.of(1), y: Float64Array.of(0) },
];

it('puts the same numbers into one buffer, and what lines share once', () => {
  const packed = inOneBuffer(given);
  expect(packed).toEqual(given);
  expect(new Set(packed.flatMap((line) => [line.x, line.y, ...(line.low && line.high ? [line.low, line.high] : [])].map(({ buffer }) => buffer))).size).toBe(1);
  expect(packed[0]!.x.buffer.byteLength).toBe(8 * (3 + 3 + 3 + 3 + 3 + 1 + 1));
  expect(packed[1]!.x.byteOffset).toBe(packed[0]!.x.byteOffset);
});

it('leaves what it is given as it was', () => {
  const [line] = inOneBuffer(given);
  line!.y[0] = 100;
  expect(given[0]!.y[0]).toBe(4);
});

it('of nothing makes nothing', () => {
  expect(inOneBuffer([])).toEqual([]);
});
