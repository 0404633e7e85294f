import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTfjsBackend } from '../../../extension/training/engines/tfjs-backend';
import { visibleCount } from '../../../extension/core/config/keep-count';
import type { MaskingConfig } from '../../../extension/core/config/schema';
import { attentiveMasking } from '../../../extension/training/masking/attentive';
import { createMasking } from '../../../extension/training/masking/create';
import { keepCount } from '../../../extension/core/config/keep-count';
import { randomMasking } from '../../../extension/training/masking/random';
import { multiBlockConfig, targetSizes } from '../../../extension/core/config/multi-block';
import { drawMultiBlockBatch, drawMultiBlocks, multiBlockShape } from '../../../extension/training/masking/multi-block';
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

/** Visible and masked patches of each image, by a strategy of any kind. */
function divided(config: MaskingConfig, grid: number, batch: number, seed: number, scores?: Float32Array): { visible: number[]; masked: number[] }[] {
  const patchCount = grid * grid;
  const masking = createMasking(config, patchCount, visibleCount(config, patchCount));
  const drawn = masking.draw(new RandomStream(seed, 'mask'), batch);
  const given = scores ?? Float32Array.from({ length: batch * patchCount }, (_, i) => 1 + ((i * 7919) % 101));
  return tf.tidy(() => {
    const tensors = Object.fromEntries(Object.entries(drawn).map(([name, { data, shape, dtype }]) => [name, tf.tensor(data, [...shape], dtype)]));
    const { keepIds, maskedIds } = masking.split(tensors, tf.tensor2d(given, [batch, patchCount]));
    const [visible, masked] = [keepIds, maskedIds].map((ids) => ids.arraySync() as number[][]);
    return visible!.map((own, image) => ({ visible: own, masked: masked![image]! }));
  });
}

const STRATEGIES = ['random', 'block', 'coarse', 'grid', 'attentive', 'attentive_hidden', 'top_visible', 'top_hidden'] as const;

describe.each(STRATEGIES)('%s masking', (strategy) => {
  const unit = strategy === 'coarse' ? 2 : undefined;

  it('divides the patches of every image, always in the same numbers', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 7 }), fc.double({ min: 0.05, max: 0.9, noNaN: true }), (seed, half, ratio) => {
        const grid = 2 * half;
        const config = { strategy, ratio, unit };
        const visibleExpected = visibleCount(config, grid * grid);
        fc.pre(visibleExpected > 0 && visibleExpected < grid * grid);
        for (const { visible, masked } of divided(config, grid, 3, seed)) {
          expect(visible).toHaveLength(visibleExpected);
          expect([...visible, ...masked].sort((a, b) => a - b)).toEqual(Array.from({ length: grid * grid }, (_, i) => i));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('follows from its seed', () => {
    const config = { strategy, ratio: 0.6, unit };
    expect(divided(config, 8, 4, 3)).toEqual(divided(config, 8, 4, 3));
    if (!strategy.startsWith('top')) expect(divided(config, 8, 4, 3)).not.toEqual(divided(config, 8, 4, 4));
  });
});

describe.each(['random', 'attentive_hidden'] as const)('patches thrown away by %s masking', (strategy) => {
  it('are those that are left beside the visible and the masked, as many as AMT counts', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0.1, max: 0.5, noNaN: true }), fc.double({ min: 0, max: 0.4, noNaN: true }), (seed, ratio, thrown) => {
        for (const { visible, masked } of divided({ strategy, ratio, throw_ratio: thrown }, 8, 3, seed)) {
          expect(masked).toHaveLength(Math.trunc(64 * ratio));
          expect(visible).toHaveLength(64 - Math.trunc(64 * (ratio + thrown)));
          expect(new Set([...visible, ...masked]).size).toBe(visible.length + masked.length);
        }
      }),
      { numRuns: 40 },
    );
  });
});

it('what is attended to is masked rather than thrown away, and thrown away rather than kept', () => {
  const scores = Float32Array.from({ length: 2000 * 16 }, (_, i) => 1 + (i % 16));
  const images = divided({ strategy: 'attentive_hidden', ratio: 0.25, throw_ratio: 0.25 }, 4, 2000, 9, scores);
  const mean = (of: (image: { visible: number[]; masked: number[] }) => number[]): number => images.reduce((sum, image) => sum + of(image).reduce((a, b) => a + b) / of(image).length, 0) / images.length;
  const [visible, masked] = [mean((image) => image.visible), mean((image) => image.masked)];
  const thrown = mean(({ visible: seen, masked: hidden }) => Array.from({ length: 16 }, (_, i) => i).filter((patch) => !seen.includes(patch) && !hidden.includes(patch)));
  expect(masked).toBeGreaterThan(thrown);
  expect(thrown).toBeGreaterThan(visible);
});

describe('masks that do not look', () => {
  it.each(['random', 'coarse', 'grid'] as const)('%s masking keeps every patch equally often', (strategy) => {
    const config = { strategy, ratio: 0.75, unit: strategy === 'coarse' ? 2 : undefined };
    const images = divided(config, 4, 8000, 5);
    const counts = new Float64Array(16);
    for (const { visible } of images) for (const patch of visible) counts[patch]!++;
    // Four standard deviations of a proportion of 8,000 draws are 0.02.
    for (const count of counts) expect(Math.abs(count / 8000 - 0.25)).toBeLessThan(0.02);
  });

  it('block masking hides no patch always and none never, and what it hides hangs together', () => {
    const images = divided({ strategy: 'block', ratio: 0.4 }, 14, 500, 6);
    const counts = new Float64Array(196);
    let beside = 0;
    for (const { masked } of images) {
      const hidden = new Set(masked);
      for (const patch of masked) {
        counts[patch]!++;
        if ((patch % 14 > 0 && hidden.has(patch - 1)) || (patch % 14 < 13 && hidden.has(patch + 1)) || hidden.has(patch - 14) || hidden.has(patch + 14)) beside++;
      }
    }
    for (const count of counts) expect(count > 0 && count < 500).toBe(true);
    expect(beside / (500 * 79)).toBeGreaterThan(0.99);
  });

  it('coarse masking hides whole squares', () => {
    for (const { masked } of divided({ strategy: 'coarse', ratio: 0.6, unit: 2 }, 8, 20, 7)) {
      const hidden = new Set(masked);
      for (const patch of masked) {
        const corner = patch - (patch % 2) - (Math.floor(patch / 8) % 2) * 8;
        expect([corner, corner + 1, corner + 8, corner + 9].every((other) => hidden.has(other))).toBe(true);
      }
    }
  });
});

describe('masks that look', () => {
  const attended = new Set([3, 7, 8]);
  const scores = (batch: number): Float32Array => Float32Array.from({ length: batch * 16 }, (_, i) => (attended.has(i % 16) ? 1 : 0.01));
  const visibleShare = (strategy: MaskingConfig['strategy']): number => {
    const images = divided({ strategy, ratio: 0.75 }, 4, 2000, 8, scores(2000));
    return images.reduce((sum, { visible }) => sum + visible.filter((patch) => attended.has(patch)).length, 0) / (3 * 2000);
  };

  it('attentive keeps what is attended visible, as MaskAlign does; attentive_hidden hides it, as AMT does', () => {
    expect(visibleShare('attentive')).toBeGreaterThan(0.9);
    expect(visibleShare('attentive_hidden')).toBeLessThan(0.1);
  });

  it('top_visible and top_hidden do so without chance', () => {
    expect(visibleShare('top_visible')).toBe(1);
    expect(visibleShare('top_hidden')).toBe(0);
  });
});

describe('multi-block masking', () => {
  const config = multiBlockConfig({});

  it('cuts targets of one size out of the context', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 3, max: 16 }), fc.double({ min: 0.4, max: 0.9, noNaN: true }), (seed, grid, ratio) => {
        const keep = keepCount(grid * grid, ratio);
        const { smallest, largest } = targetSizes(grid, config);
        fc.pre(keep >= 1 && keep <= grid * grid - largest);
        const { context, targets } = drawMultiBlocks(new RandomStream(seed, 'mask'), multiBlockShape(grid, keep, config));
        expect(new Set(context).size).toBe(keep);
        expect(targets.map((target) => target.length)).toEqual([smallest, smallest, smallest, smallest]);
        for (const target of targets) {
          expect(new Set(target).size).toBe(smallest);
          expect(target.some((patch) => context.includes(patch) || patch < 0 || patch >= grid * grid)).toBe(false);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('has the official sizes at 14 × 14 patches: 15 to 20 % of them', () => {
    const { smallest, largest } = targetSizes(14, config);
    expect(smallest).toBeGreaterThanOrEqual(24);
    expect(largest).toBeLessThanOrEqual(42);
  });

  it('shows the preview the contexts that training draws', () => {
    const keep = keepCount(64, 0.7);
    const drawn = drawMultiBlockBatch(new RandomStream(7, 'mask'), 5, multiBlockShape(8, keep, config));
    const preview = createMasking({ strategy: 'multi_block', ratio: 0.7 }, 64, keep).draw(new RandomStream(7, 'mask'), 5);
    expect(preview['keep_ids']).toEqual(drawn['keep_ids']);
    expect(preview['masked_ids']).toEqual(drawn['masked_ids']);
  });

  it('mostly keeps what a context has: no target is laid on another to make room', () => {
    const random = new RandomStream(3, 'mask');
    const shape = multiBlockShape(14, 58, config);
    const apart = Array.from({ length: 200 }, () => new Set(drawMultiBlocks(random, shape).targets.map((target) => target[0])).size);
    expect(apart.filter((places) => places > 1).length).toBe(200);
  });
});
