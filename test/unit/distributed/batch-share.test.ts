import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requireSplit, shareOf, splitAmong } from '../../../extension/training/distributed/batch-share';
import { resolvedOf } from '../config/experiment-of';

const origin = { file: 'my.mim.yaml', locate: () => undefined };

describe('shares of a batch', () => {
  it('hold every part once, in the order of the ranks, each as many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 16 }), (size, each) => {
        const shares = Array.from({ length: size }, (_, rank) => shareOf(rank, size, size * each));
        const parts = shares.flatMap(({ firstPart, parts }) => Array.from({ length: parts }, (_, i) => firstPart + i));
        expect(parts).toEqual(Array.from({ length: size * each }, (_, part) => part));
      }),
    );
  });
});

describe('an experiment on several ranks', () => {
  it('is that of one process which accumulates as many parts', () => {
    const batch = (accumulate: number): string => `optimizer: { batch_size: 24, accumulate: ${accumulate}, lr: 1e-3 }`;
    expect(splitAmong(resolvedOf(batch(2)), 3, origin)).toEqual(resolvedOf(batch(6)));
    expect(splitAmong(resolvedOf(batch(1)), 4, origin)).toEqual(resolvedOf(batch(4)));
  });

  it('whose batch they cannot share is refused with batches and ranks that would do', () => {
    const experiment = resolvedOf('optimizer: { batch_size: 20, accumulate: 2, lr: 1e-3 }');
    expect(() => splitAmong(experiment, 3, origin)).toThrow(/A batch of 20 cannot be split evenly over 3 ranks × 2 passes/);
    expect(() => splitAmong(experiment, 3, origin)).toThrow(/multiple of 6, such as 18, or the ranks 1, 2, 5, 10/);
  });

  it('goes on with every number of ranks that divides its parts, and no other', () => {
    const experiment = resolvedOf('optimizer: { batch_size: 24, accumulate: 6, lr: 1e-3 }');
    for (const ranks of [1, 2, 3, 6]) expect(() => requireSplit(experiment, ranks)).not.toThrow();
    expect(() => requireSplit(experiment, 4)).toThrow(/6 parts, which 4 ranks cannot share/);
  });
});
