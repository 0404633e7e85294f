import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTfjsBackend } from '../../../extension/training/engines/tfjs-backend';
import { attentiveMasking } from '../../../extension/training/masking/attentive';
import { keepCount } from '../../../extension/core/config/keep-count';
import { randomMasking } from '../../../extension/training/masking/random';
import { RandomStream } from '../../../extension/training/random';

beforeAll(() => loadTfjsBackend('cpu'));

describe('the number of visible patches', () => {
  it.each([
    [64, [[0.5, 32], [0.6, 25], [0.7, 19], [0.75, 16], [0.9, 6]]],
    [196, [[0.5, 98], [0.6, 78], [0.7, 58], [0.75, 49], [0.8, 39], [0.9, 19]]],
    [100, [[0.9, 9], [0, 100]]],
  ] as [number, [number, number][]][])('is what the official code keeps of %i', (patches, expected) => {
    for (const [ratio, keep] of expected) expect(keepCount(patches, ratio)).toBe(keep);
  });
});

describe('random masking', () => {
  it('keeps distinct patches of each image', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 40 }), fc.double({ min: 0, max: 0.99, noNaN: true }), (seed, patches, ratio) => {
        const keep = keepCount(patches, ratio);
        const { data } = randomMasking(patches, keep).draw(new RandomStream(seed, 'mask'), 3)['keep_ids']!;
        for (let image = 0; image < 3; image++) {
          const ids = Array.from(data.subarray(image * keep, (image + 1) * keep));
          expect(new Set(ids).size).toBe(keep);
          expect(ids.every((id) => id >= 0 && id < patches)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('keeps every patch equally often', () => {
    const { data } = randomMasking(10, 3).draw(new RandomStream(5, 'mask'), 20_000)['keep_ids']!;
    const counts = new Float64Array(10);
    for (const id of data) counts[id]!++;
    for (const count of counts) expect(count / 20_000).toBeCloseTo(0.3, 1);
  });
});

/** Probability that each patch is among `keep` draws without replacement, by enumerating the ordered draws. */
function inclusionProbabilities(scores: number[], keep: number): number[] {
  const included = scores.map(() => 0);
  const draw = (taken: number[], probability: number, left: number): void => {
    if (taken.length === keep) {
      for (const patch of taken) included[patch]! += probability;
      return;
    }
    scores.forEach((score, patch) => {
      if (!taken.includes(patch)) draw([...taken, patch], (probability * score) / left, left - score);
    });
  };
  draw([], 1, scores.reduce((sum, score) => sum + score, 0));
  return included;
}

describe('attentive masking', () => {
  const scores = [0.02, 0.3, 0.1, 0.25, 0.05, 0.28];

  /** The patches kept of `batch` images whose scores are `scores`, image after image. */
  function kept(scores: Float32Array, batch: number, keep: number, random: RandomStream): number[] {
    const masking = attentiveMasking(scores.length / batch, keep);
    const { gumbel } = masking.draw(random, batch);
    const shape: [number, number] = [batch, scores.length / batch];
    return Array.from(tf.tidy(() => masking.keepIds({ gumbel: tf.tensor2d(gumbel!.data, shape) }, tf.tensor2d(scores, shape)).dataSync()));
  }

  it('includes patches with the probabilities of a multinomial draw without replacement', () => {
    const draws = 40_000;
    const repeated = Float32Array.from({ length: draws * scores.length }, (_, i) => scores[i % scores.length]!);
    const counts = scores.map(() => 0);
    for (const id of kept(repeated, draws, 3, new RandomStream(2, 'gumbel'))) counts[id]!++;
    // Four standard deviations of a proportion of 40,000 draws are 0.01.
    inclusionProbabilities(scores, 3).forEach((probability, patch) => expect(Math.abs(counts[patch]! / draws - probability)).toBeLessThan(0.01));
  });

  it('keeps patches without any attention last', () => {
    const zeros = Float32Array.from({ length: 2000 }, (_, i) => (i % 4 < 2 ? 0 : 0.5));
    expect(new Set(kept(zeros, 500, 2, new RandomStream(6, 'gumbel')))).toEqual(new Set([2, 3]));
  });
});
