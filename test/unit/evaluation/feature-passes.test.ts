import { describe, expect, it } from 'vitest';
import { featurePasses } from '../../../extension/training/evaluation/feature-passes';
import type { FeatureReader } from '../../../extension/training/evaluation/feature-passes';

const layers = (...chosen: number[]): FeatureReader[] => chosen.map((layer) => ({ kind: 'cls', layer }));
const namesOf = (passes: readonly { names: readonly string[] }[]): string[][] => passes.map(({ names }) => [...names]);

/** Bytes of CLS features of 10 images, 8 wide. */
const ONE = 4 * 10 * 8;

describe('passes over the images', () => {
  it('are one where all features fit into memory', () => {
    const passes = featurePasses([{ kind: 'mean' }, ...layers(1, 2, 3)], 10, 8, 4 * ONE);
    expect(namesOf(passes)).toEqual([['mean', 'cls@1', 'cls@2', 'cls@3']]);
  });

  it('hold no more than fits, and everything once', () => {
    const readers = layers(1, 2, 3, 4, 5);
    const passes = featurePasses(readers, 10, 8, 2 * ONE + 1);
    expect(namesOf(passes)).toEqual([['cls@1', 'cls@2'], ['cls@3', 'cls@4'], ['cls@5']]);
    expect(passes.flatMap(({ readers: own }) => own)).toEqual(readers);
  });

  it('are shared by what reads the same', () => {
    const passes = featurePasses([...layers(1, 2), { kind: 'cls', layer: 1 }], 10, 8, ONE);
    expect(namesOf(passes)).toEqual([['cls@1'], ['cls@2']]);
    expect(passes[0]!.readers).toHaveLength(2);
  });

  it('take one kind and layer alone, however large; both kinds are twice as wide', () => {
    expect(namesOf(featurePasses([{ kind: 'both' }, { kind: 'cls' }], 10, 8, ONE))).toEqual([['both'], ['cls']]);
    expect(namesOf(featurePasses([{ kind: 'both' }, { kind: 'cls' }], 10, 8, 3 * ONE))).toEqual([['both', 'cls']]);
  });
});
