import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NearestNeighbours } from '../../../extension/training/evaluation/nearest';

describe('nearest neighbours', () => {
  it('are those of a full sort, ties by index, however the similarities are cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 60 }), (values, k, chunk) => {
        const similarities = Float32Array.from(values, (value) => value / 4);
        const nearest = new NearestNeighbours(k);
        for (let first = 0; first < values.length; first += chunk) nearest.offer(similarities, first, Math.min(chunk, values.length - first), first);
        const expected = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b);
        expect(Array.from(nearest.sorted().indices)).toEqual(expected.slice(0, k));
      }),
    );
  });
});
