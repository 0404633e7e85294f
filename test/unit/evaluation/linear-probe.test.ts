import { beforeAll, describe, expect, it } from 'vitest';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { Engine } from '../../../extension/training/engines/engine';
import { sameEveryEpoch } from '../../../extension/training/evaluation/epoch-parts';
import { trainHeads } from '../../../extension/training/evaluation/head-trainer';
import { linearHeads } from '../../../extension/training/evaluation/linear-head';
import { linearProbe, PROBE_PRESETS } from '../../../extension/training/evaluation/linear-probe';
import { probeBatchSize } from '../../../extension/training/evaluation/probe-fit';
import { RandomStream } from '../../../extension/training/random';
import { blobs, withLabels } from './sets';

let engine: Engine;
beforeAll(async () => {
  engine = await EagerEngine.create('cpu');
});

const { small, mae } = PROBE_PRESETS;

describe('linear probe', () => {
  it('separates Gaussian blobs, whatever the scale and offset of the features', async () => {
    const scaled = (draw: number) => {
      const set = blobs(240, 3, 6, 0.3, draw);
      return { ...set, features: set.features.map((value, i) => value * 10 ** ((i % 6) - 3) + 5 * (i % 6)) };
    };
    const result = await linearProbe(engine, scaled(0), scaled(1), { preset: small, epochs: 20, seed: 0 });
    expect(result.top1).toBeGreaterThan(0.97);
    expect(result.trainTop1).toBeGreaterThan(0.97);
    expect(result.perClass).toHaveLength(3);
    expect(result.confusion!.flat().reduce((a, b) => a + b)).toBe(240);
  });

  it('is at chance where labels say nothing', async () => {
    const random = new RandomStream(3, 'labels');
    const noise = (images: number, draw: number) => withLabels(blobs(images, 4, 8, 1, draw), () => random.integer(4));
    const result = await linearProbe(engine, noise(400, 0), noise(400, 1), { preset: small, epochs: 5, seed: 0 });
    expect(Math.abs(result.top1 - 0.25)).toBeLessThan(0.09);
  });

  it('lets the test set change nothing but its own accuracy', async () => {
    const train = blobs(200, 4, 6, 0.8, 0);
    const test = blobs(60, 4, 6, 0.8, 1);
    const { top1, confusion, perClass, ...rest } = await linearProbe(engine, train, test, { preset: small, epochs: 5, seed: 0 });
    const other = await linearProbe(engine, train, withLabels(test, (i) => (test.labels[i]! + 1) % 4), { preset: small, epochs: 5, seed: 0 });
    expect(other).toMatchObject(rest);
    expect(other.top1).not.toBe(top1);
    expect(other.perClass).not.toEqual(perClass);
    // The same predictions, counted against other labels.
    expect(other.confusion!.map((_, label) => other.confusion![(label + 1) % 4])).toEqual(confusion);
  });

  it('chooses the learning rate on held-out training images and says what it tried', async () => {
    const result = await linearProbe(engine, blobs(200, 4, 6, 0.8, 0), blobs(60, 4, 6, 0.8, 1), { preset: small, epochs: 5, seed: 0 });
    const { tried, validationImages } = result.sweep!;
    expect(validationImages).toBe(20);
    expect(tried.map(({ blr }) => blr)).toEqual(small.baseLearningRates);
    const best = Math.max(...tried.map(({ validationTop1 }) => validationTop1));
    expect(result.blr).toBe(tried.find(({ validationTop1 }) => validationTop1 === best)!.blr);
    expect(result.lr).toBeCloseTo((result.blr * result.batchSize) / 256, 12);
  });

  it('gives the same result for the same seed, another for another', async () => {
    const run = (seed: number) => linearProbe(engine, blobs(120, 3, 5, 1, 0), blobs(60, 3, 5, 1, 1), { preset: small, epochs: 3, seed });
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect((await run(2)).trainLoss).not.toBe(first.trainLoss);
  });

  it('trains every head of a sweep as if it were alone', async () => {
    const train = blobs(64, 3, 5, 1, 0);
    const training = { family: linearHeads, optimizer: 'sgd', classes: 3, batchSize: 16, epochs: 2, warmupEpochs: 0, seed: 0 } as const;
    const together = await trainHeads(engine, sameEveryEpoch(train), { ...training, learningRates: [0.01, 1e30, 0.3] });
    const alone = await trainHeads(engine, sameEveryEpoch(train), { ...training, learningRates: [0.3] });
    const third = (await together.state.read(['weight'])).weight!.data.slice(-15);
    const only = (await alone.state.read(['weight'])).weight!.data;
    third.forEach((value, i) => expect(value).toBeCloseTo(only[i]!, 5));
  });

  it('never chooses a learning rate that diverges over one that learns', async () => {
    const preset = { ...small, baseLearningRates: [1e60, 0.1] };
    const result = await linearProbe(engine, blobs(160, 3, 6, 0.3, 0), blobs(60, 3, 6, 0.3, 1), { preset, epochs: 5, seed: 0 });
    expect(result.blr).toBe(0.1);
    expect(result.sweep!.tried[0]).toMatchObject({ validationTop1: 0, trainLoss: null });
    expect(result.top1).toBeGreaterThan(0.95);
  });

  it('follows the official protocol with preset mae, on fresh features every epoch', async () => {
    const asked: number[] = [];
    const featureEpochs = (epoch: number) => {
      asked.push(epoch);
      return Promise.resolve(blobs(192, 3, 6, 0.4, 10 + epoch));
    };
    const result = await linearProbe(engine, blobs(200, 3, 6, 0.4, 0), blobs(90, 3, 6, 0.4, 1), { preset: mae, seed: 0, featureEpochs });
    expect(asked).toEqual(Array.from({ length: 90 }, (_, epoch) => epoch));
    expect(result).toMatchObject({ preset: 'mae', optimizer: 'lars', trust: 0.001, momentum: 0.9, weightDecay: 0, blr: 0.1, epochs: 90, warmupEpochs: 10, batchSize: 192, augmentation: true, trainImages: 200 });
    expect(result.lr).toBeCloseTo((0.1 * 192) / 256, 12);
    expect(result).not.toHaveProperty('sweep');
  });

  it('learns with LARS, and says so where the official 90 epochs are too short for a small set', async () => {
    const train = blobs(192, 3, 6, 0.4, 0);
    const official = await linearProbe(engine, train, blobs(90, 3, 6, 0.4, 1), { preset: mae, seed: 0 });
    expect(official.note).toContain('raise `epochs`');
    const faster = await linearProbe(engine, train, blobs(90, 3, 6, 0.4, 1), { preset: { ...mae, baseLearningRates: [100] }, seed: 0 });
    expect(faster.top1).toBeGreaterThan(0.95);
  });

  it.each([2, 3, 7, 11])('works on as few as %d training images', async (images) => {
    const result = await linearProbe(engine, blobs(images, 2, 4, 0.1, 0), blobs(5, 2, 4, 0.1, 1), { preset: small, epochs: 3, seed: 0 });
    expect(result.top1).toBeGreaterThanOrEqual(0);
    expect(result.trainLoss).not.toBeNull();
    await expect(linearProbe(engine, blobs(1, 2, 4, 0.1, 0), blobs(5, 2, 4, 0.1, 1), { preset: small, seed: 0 })).rejects.toMatchObject({ code: 'MIM6004' });
  });

  it('takes the official batch, or what a small set allows', () => {
    expect(probeBatchSize(mae, 1_281_167)).toBe(16_384);
    expect(probeBatchSize(mae, 1000)).toBe(1000);
    expect(probeBatchSize(small, 50_000)).toBe(1024);
    expect(probeBatchSize(small, 200)).toBe(25);
    expect(probeBatchSize(small, 3)).toBe(1);
  });
});
