/** What is drawn for mixup and CutMix, and what it makes of images and targets. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTfjsBackend, onBackend } from '../../../extension/training/engines/tfjs-backend';
import { drawMixing, mixImages, mixTargets, type MixingConfig } from '../../../extension/training/finetune/mixing';
import { drawStream } from '../../../extension/training/random';

const SIDE = 16;
const OFFICIAL: MixingConfig = { mixup: 0.8, cutmix: 1, probability: 1, switchProbability: 0.5 };

beforeAll(() => loadTfjsBackend('cpu'));

interface Drawn {
  readonly own: Float32Array;
  readonly lambda: number;
}

function drawn(step: number, config = OFFICIAL, seed = 3): Drawn {
  const { mix_own: own, mix_lambda: lambda } = drawMixing(drawStream(seed, step, 0), SIDE, config);
  return { own: own!.data as Float32Array, lambda: lambda!.data[0]! };
}

const draws = (count: number, config?: MixingConfig): Drawn[] => Array.from({ length: count }, (_, step) => drawn(step, config));
const isConstant = ({ own }: Drawn): boolean => own.every((value) => value === own[0]);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function variance(values: readonly number[]): number {
  const centre = mean(values);
  return mean(values.map((value) => (value - centre) ** 2));
}

describe('a draw of mixing', () => {
  it('is the same for the same seed and step, and another for others', () => {
    expect(drawn(5)).toEqual(drawn(5));
    expect(drawn(5)).not.toEqual(drawn(6));
    expect(drawn(5)).not.toEqual(drawn(5, OFFICIAL, 4));
  });

  it('says in lambda what share of the image remains its own', () => {
    for (const { own, lambda } of draws(300)) expect(mean([...own])).toBeCloseTo(lambda, 5);
  });

  it('cuts one rectangle, whose inside is not the image’s own', () => {
    const boxes = draws(200, { ...OFFICIAL, switchProbability: 1 }).filter(({ lambda }) => lambda < 1);
    expect(boxes.length).toBeGreaterThan(150);
    for (const { own } of boxes) {
      const cut = [...own.keys()].filter((at) => own[at] === 0);
      const [rows, columns] = [cut.map((at) => Math.floor(at / SIDE)), cut.map((at) => at % SIDE)];
      const sides = [rows, columns].map((at) => Math.max(...at) - Math.min(...at) + 1);
      expect(sides[0]! * sides[1]!).toBe(cut.length);
      expect(own.every((value) => value === 0 || value === 1)).toBe(true);
    }
  });

  it('has the distribution Beta(α, α) of mixup', () => {
    const lambdas = draws(4000, { ...OFFICIAL, switchProbability: 0 }).map(({ lambda }) => lambda);
    expect(mean(lambdas)).toBeCloseTo(0.5, 1);
    // 1 / (4·(2α + 1))
    expect(variance(lambdas)).toBeCloseTo(1 / (4 * 2.6), 2);
    const uniform = draws(4000, { ...OFFICIAL, mixup: 1, switchProbability: 0 }).map(({ lambda }) => lambda);
    expect(variance(uniform)).toBeCloseTo(1 / 12, 2);
  });

  it('is CutMix as often as is asked for, and nothing as often as that', () => {
    const mixups = draws(1000).filter((draw) => isConstant(draw) && draw.lambda < 1).length;
    expect(mixups / 1000).toBeGreaterThan(0.44);
    expect(mixups / 1000).toBeLessThan(0.56);
    const untouched = draws(1000, { ...OFFICIAL, probability: 0.3, switchProbability: 0 }).filter(({ lambda }) => lambda === 1).length;
    expect(untouched / 1000).toBeGreaterThan(0.64);
    expect(untouched / 1000).toBeLessThan(0.76);
    expect(draws(20, { ...OFFICIAL, probability: 0 }).every((draw) => draw.lambda === 1 && isConstant(draw))).toBe(true);
  });
});

describe('a mixed batch', () => {
  /** Three images, of which each is one number, with labels 0, 1, 2. */
  function mixed({ own, lambda }: Drawn) {
    return onBackend('cpu', () =>
      tf.tidy(() => {
        const batch = { mix_own: tf.tensor2d(own, [SIDE, SIDE]), mix_lambda: tf.scalar(lambda) };
        const images = tf.mul(tf.ones([3, 3, SIDE, SIDE]), tf.tensor4d([1, 2, 5], [3, 1, 1, 1]));
        const targets = mixTargets(tf.tensor1d([0, 1, 2], 'int32'), batch, 4, 0.1);
        return { images: mixImages(images, batch).arraySync() as number[][][][], targets: targets.arraySync() as number[][] };
      }),
    );
  }

  it('has the image at the other end of the batch where it is not its own', () => {
    for (const draw of draws(20)) {
      const { images } = mixed(draw);
      for (const at of [0, 37, 200]) {
        const share = draw.own[at]!;
        const pixel = (image: number): number => images[image]![2]![Math.floor(at / SIDE)]![at % SIDE]!;
        expect(pixel(0)).toBeCloseTo(share + 5 * (1 - share), 5);
        expect(pixel(1)).toBeCloseTo(2, 5);
        expect(pixel(2)).toBeCloseTo(5 * share + 1 - share, 5);
      }
    }
  });

  it('has targets that sum to 1, in the proportion of the pixels', () => {
    for (const draw of draws(20)) {
      const { targets } = mixed(draw);
      for (const row of targets) expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6);
      expect(targets[0]![0]).toBeCloseTo(0.9 * draw.lambda + 0.025, 6);
      expect(targets[0]![2]).toBeCloseTo(0.9 * (1 - draw.lambda) + 0.025, 6);
      expect(targets[1]).toEqual([expect.closeTo(0.025, 6), expect.closeTo(0.925, 6), expect.closeTo(0.025, 6), expect.closeTo(0.025, 6)]);
    }
  });
});
