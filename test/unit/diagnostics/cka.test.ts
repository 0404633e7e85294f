import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Representation } from '../../../extension/training/diagnostics/cka';
import { MinibatchCka, linearCka, unbiasedHsic } from '../../../extension/training/diagnostics/cka';
import { RandomStream } from '../../../extension/training/random';

function normal(seed: number, rows: number, width: number): Representation {
  const random = new RandomStream(seed, 'representation');
  return { features: Float64Array.from({ length: rows * width }, () => random.normal()), width };
}

function minibatchCka(x: Representation, y: Representation, batch: number): number {
  const cka = new MinibatchCka();
  const part = ({ features, width }: Representation, first: number): Representation => ({ features: Array.from(features).slice(first * width, (first + batch) * width), width });
  for (let first = 0; first < x.features.length / x.width; first += batch) cka.add(part(x, first), part(y, first));
  return cka.value();
}

describe('centred kernel alignment', () => {
  it('is 1 for a rotated, scaled and shifted representation', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: 0, max: 6.28, noNaN: true }), fc.double({ min: 0.1, max: 10, noNaN: true }), (seed, angle, scale) => {
        const x = normal(seed, 12, 2);
        const turned = Float64Array.from(x.features, (_, at) => {
          const [a, b] = [x.features[at - (at % 2)]!, x.features[at - (at % 2) + 1]!];
          return scale * (at % 2 ? a * Math.sin(angle) + b * Math.cos(angle) : a * Math.cos(angle) - b * Math.sin(angle)) + 3;
        });
        expect(linearCka(x, { features: turned, width: 2 })).toBeCloseTo(1, 9);
        expect(minibatchCka(x, { features: turned, width: 2 }, 6)).toBeCloseTo(1, 9);
      }),
      { numRuns: 50 },
    );
  });

  it('of unrelated wide representations is near 0 by the unbiased estimate only', () => {
    const [x, y] = [normal(1, 64, 100), normal(2, 64, 100)];
    expect(linearCka(x, y)).toBeGreaterThan(0.4);
    expect(Math.abs(minibatchCka(x, y, 32))).toBeLessThan(0.1);
  });

  it('is 0 where nothing varies', () => {
    const constant = { features: new Float64Array(16).fill(2), width: 2 };
    expect(linearCka(constant, normal(1, 8, 3))).toBe(0);
    expect(new MinibatchCka().value()).toBe(0);
  });

  it('refuses batches of fewer than four images and representations of different images', () => {
    expect(() => unbiasedHsic(new Float64Array(9), new Float64Array(9), 3)).toThrow(RangeError);
    expect(() => linearCka(normal(1, 8, 3), normal(1, 9, 3))).toThrow('8 and 9 images');
  });
});
