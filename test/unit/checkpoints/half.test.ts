import { describe, expect, test } from 'vitest';
import { floatsToHalves, halvesToFloats, LARGEST_HALF } from '../../../extension/core/checkpoints/half';

const everyHalf = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
const isNaNBits = (bits: number): boolean => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;

describe('binary16', () => {
  test('every half that is a number comes back as it was', () => {
    const back = floatsToHalves(halvesToFloats(everyHalf));
    for (const bits of everyHalf) if (!isNaNBits(bits)) expect(back[bits]).toBe(bits);
  });

  test('what lies between two halves goes to the nearest, and from the middle to the even one', () => {
    for (let bits = 0; bits < 0x7bff; bits += 1) {
      const [low, high] = halvesToFloats(Uint16Array.of(bits, bits + 1)) as unknown as [number, number];
      const middle = (low + high) / 2;
      const inward = Float32Array.of(middle - (high - low) / 64, middle, middle + (high - low) / 64);
      expect([...floatsToHalves(inward)]).toEqual([bits, bits % 2 === 0 ? bits : bits + 1, bits + 1]);
    }
  });

  test('the largest, what is beyond it, and what is no number', () => {
    const values = Float32Array.of(LARGEST_HALF, 65519, 65520, 1e30, -65520, Infinity, -Infinity, NaN, -0);
    expect([...floatsToHalves(values)]).toEqual([0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7c00, 0xfc00, 0x7e00, 0x8000]);
  });
});
