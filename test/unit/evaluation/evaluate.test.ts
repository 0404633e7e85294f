import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluationSchema } from '../../../extension/core/config/schema';
import { float32 } from '../../../extension/core/tensors';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { CompiledProgram, Engine, StateStore } from '../../../extension/training/engines/engine';
import { evaluateFeatures } from '../../../extension/training/evaluation/evaluate';
import { featureProgram, runEncoder } from '../../../extension/training/evaluation/features';
import type { ExtractedFeatures, LabelledFeatures, LabelledImages } from '../../../extension/training/evaluation/features';
import { RandomStream } from '../../../extension/training/random';

const SIDE = 4;
const PIXELS = 3 * SIDE * SIDE;

let engine: Engine;
let compiled: CompiledProgram;
let state: StateStore;
beforeAll(async () => {
  engine = await EagerEngine.create('cpu');
  // "CLS": channel means; "mean": the same, scaled by a state entry and a constant.
  const program = featureProgram({
    name: 'channel-means',
    state: { scale: { shape: [], dtype: 'float32' } },
    constants: { shift: float32([3], Float32Array.of(1, 2, 3)) },
    batchSize: 4,
    imageSize: SIDE,
    forward: (held, constants, images) => {
      const cls = tf.mean(images, [2, 3]);
      return { cls, mean: tf.add(tf.mul(cls, held.scale!), constants.shift!) };
    },
  });
  compiled = await engine.compile(program);
  state = engine.createState({ scale: float32([], Float32Array.of(10)) });
});

/** Images whose class is their brightest channel. */
async function* images(count: number, batchSize: number, draw: number): AsyncIterable<LabelledImages> {
  for (let first = 0; first < count; first += batchSize) {
    const size = Math.min(batchSize, count - first);
    const labels = Int32Array.from({ length: size }, (_, i) => (first + i) % 3);
    const random = new RandomStream(draw, 'image', first);
    const data = Float32Array.from({ length: size * PIXELS }, (_, at) => (Math.floor((at % PIXELS) / (SIDE * SIDE)) === labels[Math.floor(at / PIXELS)] ? 1 : 0) + 0.5 * random.normal());
    yield { images: data, labels };
  }
}

function featuresOf(batches: AsyncIterable<LabelledImages>, onBatch?: (done: number) => void): Promise<ExtractedFeatures> {
  return runEncoder(compiled, state, batches, onBatch);
}

describe('features of an image set', () => {
  it('have one row an image, both kinds out of one pass, though the last batch is short', async () => {
    const seen: number[] = [];
    const { cls, mean } = await featuresOf(images(10, 4, 0), (done) => seen.push(done));
    expect(seen).toEqual([4, 8, 10]);
    expect(cls.width).toBe(3);
    expect(cls.features).toHaveLength(30);
    expect(Array.from(cls.labels)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
    cls.features.forEach((value, i) => expect(mean.features[i]).toBeCloseTo(10 * value + 1 + (i % 3), 5));
    const one = await featuresOf(images(10, 2, 0));
    expect(one.cls.features).toHaveLength(30);
  });

  it('are kept of the kinds that were asked for, whether or not the number of images was known', async () => {
    const both = await featuresOf(images(10, 4, 0));
    for (const count of [undefined, 2, 10, 40]) {
      const found = await runEncoder(compiled, state, images(10, 4, 0), undefined, { kinds: ['mean'], images: count });
      expect(found).toEqual({ mean: both.mean });
    }
  });

  it('are computed only of the kinds that were asked for', async () => {
    const program = featureProgram({ name: 'one kind', batchSize: 4, imageSize: SIDE, kinds: ['cls'], forward: (_held, _constants, pixels) => ({ cls: tf.mean(pixels, [2, 3]), mean: tf.zeros([4, 3]) }) });
    const only = await engine.compile(program);
    const found = await runEncoder(only, engine.createState({}), images(10, 4, 0), undefined, { kinds: ['cls'] });
    expect(found.cls).toEqual((await featuresOf(images(10, 4, 0))).cls);
  });

  it('do not depend on how the images are batched', async () => {
    const all: LabelledImages[] = [];
    for await (const batch of images(8, 4, 0)) all.push(batch);
    async function* single(): AsyncIterable<LabelledImages> {
      for (const batch of all) {
        for (let i = 0; i < batch.labels.length; i++) yield { images: batch.images.slice(i * PIXELS, (i + 1) * PIXELS), labels: batch.labels.slice(i, i + 1) };
      }
    }
    expect((await featuresOf(single())).mean).toEqual((await featuresOf(images(8, 4, 0))).mean);
  });

  it('cannot be had of no images', async () => {
    await expect(featuresOf(images(0, 4, 0))).rejects.toThrow('no images');
  });
});

describe('an evaluation', () => {
  it('by kNN says where the features were read, with every knob, as JSON', async () => {
    const config = evaluationSchema.parse({ protocol: 'knn', features: 'mean' });
    const [train, test] = [await featuresOf(images(90, 4, 0)), await featuresOf(images(31, 4, 1))];
    const result = await evaluateFeatures({ engine, config, train: train.mean, test: test.mean, seed: 0 });
    expect(result).toMatchObject({ protocol: 'knn', k: 20, temperature: 0.07, features: 'mean', featureSource: 'mean of the patch tokens after the final norm', featureWidth: 3, trainImages: 90, testImages: 31, classes: 3, engine: 'tfjs-cpu' });
    expect(result.top1).toBeGreaterThan(0.95);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  it('says how much the features of different images differ', async () => {
    const config = evaluationSchema.parse({ protocol: 'knn' });
    const many = (rows: number, width: number, scale: number): LabelledFeatures => {
      const random = new RandomStream(0, 'features');
      return { features: Float32Array.from({ length: rows * width }, () => 1 + scale * random.normal()), width, labels: Int32Array.from({ length: rows }, (_, i) => i % 2) };
    };
    const healthOf = async (test: LabelledFeatures): Promise<[number?, number?, number?]> => {
      const { collapseStd, rankMe, rankMeImages } = await evaluateFeatures({ engine, config, train: many(4, test.width, 1), test, seed: 0 });
      return [collapseStd, rankMe, rankMeImages];
    };
    const [spread, rank, counted] = await healthOf(many(6000, 8, 20));
    expect(spread! * Math.sqrt(8)).toBeCloseTo(1, 1);
    expect(rank).toBeCloseTo(8, 0);
    expect(counted).toBe(5000);
    const [collapsed, lowRank] = await healthOf(many(100, 8, 1e-4));
    expect(collapsed).toBeLessThan(1e-3);
    expect(lowRank).toBeLessThan(1.1);
    expect((await healthOf(many(20, 257, 1))).slice(1)).toEqual([undefined, undefined]);
    expect(await healthOf(many(1, 8, 1))).toEqual([undefined, undefined, undefined]);
  });

  it('by a linear probe records how its training images were augmented', async () => {
    const config = evaluationSchema.parse({ protocol: 'linear', preset: 'mae', epochs: 2 });
    const [train, test] = [await featuresOf(images(90, 4, 0)), await featuresOf(images(31, 4, 1))];
    const common = { engine, config, train: train.cls, test: test.cls, seed: 0 };
    const augmentation = { cropScale: [0.08, 1], flip: 0.5 } as const;
    const featureEpochs = (): Promise<LabelledFeatures> => Promise.resolve(train.cls);
    expect(await evaluateFeatures({ ...common, featureEpochs, augmentation })).toMatchObject({ augmentation });
    expect(await evaluateFeatures({ ...common, featureEpochs })).toMatchObject({ augmentation: true });
    expect(await evaluateFeatures(common)).toMatchObject({ augmentation: false });
  });

  it('by a linear probe follows the configuration and reports its progress', async () => {
    const config = evaluationSchema.parse({ protocol: 'linear', epochs: 10 });
    const [train, test] = [await featuresOf(images(300, 4, 0)), await featuresOf(images(310, 4, 1))];
    const progress: number[] = [];
    const result = await evaluateFeatures({ engine, config, train: train.cls, test: test.cls, classes: 3, seed: 4, onProgress: ({ done, total }) => progress.push(done / total!) });
    expect(result).toMatchObject({ protocol: 'linear', preset: 'small', features: 'cls', epochs: 10, seed: 4, augmentation: false });
    expect(result.top1).toBeGreaterThan(0.95);
    expect(progress.at(-1)).toBe(1);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });
});
