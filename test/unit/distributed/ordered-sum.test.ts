import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packBucket, unpackBucket } from '../../../extension/training/distributed/buckets';
import { sumInRankOrder } from '../../../extension/training/distributed/ordered-sum';

const lengths = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 8 });

function counting(lengths: readonly number[]): Float32Array[] {
  let next = 0;
  return lengths.map((length) => Float32Array.from({ length }, () => next++));
}

describe('buckets', () => {
  it('take every value once, in order, and put each back where it was', () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 7 }), (lengths, size) => {
        const arrays = counting(lengths);
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const taken: number[] = [];
        for (let offset = 0; offset < total; offset += size) {
          const bucket = new Float32Array(size);
          const count = packBucket(bucket, arrays, offset);
          taken.push(...bucket.subarray(0, count));
          unpackBucket(bucket.map((value) => value * 2), arrays, offset);
        }
        expect(taken).toEqual(Array.from({ length: total }, (_, i) => i));
        expect(arrays.flatMap((array) => [...array])).toEqual(taken.map((value) => value * 2));
      }),
    );
  });
});

describe('the sum over ranks', () => {
  it('is that of one rank where there is one, however small the buckets', () => {
    const alone = {
      allToAll: (send: Float32Array, receive: Float32Array) => receive.set(send),
      addTo: () => expect.unreachable(),
      allGather: (send: Float32Array, receive: Float32Array) => receive.set(send),
    };
    const arrays = counting([3, 0, 5]);
    sumInRankOrder(alone, 1, arrays, 2);
    expect(arrays).toEqual(counting([3, 0, 5]));
  });
});
