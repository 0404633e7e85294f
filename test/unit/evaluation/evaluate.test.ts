import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluationSchema } from '../../../extension/core/config/schema';
import { float32 } from '../../../extension/core/tensors';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { Engine } from '../../../extension/training/engines/engine';
import { probe } from '../../../extension/training/evaluation/evaluate';
import { extractFeatures, featureProgram } from '../../../extension/training/evaluation/features';
import type { Encoder, LabelledImages } from '../../../extension/training/evaluation/features';
import { RandomStream } from '../../../extension/training/random';

const SIDE = 4;
const PIXELS = 3 * SIDE * SIDE;

let engine: Engine;
let encoder: Encoder;
beforeAll(async () => {
  engine = await EagerEngine.create('cpu');
  // "CLS": channel means; "mean": the same, scaled by a state entry and a constant.
  const program = featureProgram({
    name: 'channel-means',
    state: { scale: { shape: [], dtype: 'float32' } },
    constants: { shift: float32([3], Float32Array.of(1, 2, 3)) },
    batchSize: 4,
    imageSize: SIDE,
    forward: (state, constants, images) => {
      const cls = tf.mean(images, [2, 3]);
      return { cls, mean: tf.add(tf.mul(cls, state.scale!), constants.shift!) };
    },
  });
  encoder = { program, state: engine.createState({ scale: float32([], Float32Array.of(10)) }) };
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

const loaders = { train: (batch: number) => images(90, batch, 0), test: (batch: number) => images(31, batch, 1) };

describe('features of an image set', () => {
  it('have one row an image, both kinds out of one pass, though the last batch is short', async () => {
    const seen: number[] = [];
    const { cls, mean } = await extractFeatures(engine, encoder, images(10, 4, 0), (done) => seen.push(done));
    expect(seen).toEqual([4, 8, 10]);
    expect(cls.width).toBe(3);
    expect(cls.features).toHaveLength(30);
    expect(Array.from(cls.labels)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
    cls.features.forEach((value, i) => expect(mean.features[i]).toBeCloseTo(10 * value + 1 + (i % 3), 5));
    const one = await extractFeatures(engine, encoder, images(10, 2, 0));
    expect(one.cls.features).toHaveLength(30);
  });

  it('do not depend on how the images are batched', async () => {
    const all: LabelledImages[] = [];
    for await (const batch of images(8, 4, 0)) all.push(batch);
    async function* single(): AsyncIterable<LabelledImages> {
      for (const batch of all) {
        for (let i = 0; i < batch.labels.length; i++) yield { images: batch.images.slice(i * PIXELS, (i + 1) * PIXELS), labels: batch.labels.slice(i, i + 1) };
      }
    }
    expect((await extractFeatures(engine, encoder, single())).mean).toEqual((await extractFeatures(engine, encoder, images(8, 4, 0))).mean);
  });

  it('cannot be had of no images', async () => {
    await expect(extractFeatures(engine, encoder, images(0, 4, 0))).rejects.toThrow('no images');
  });
});

describe('an evaluation', () => {
  it('goes from images to a kNN result that says where the features were read', async () => {
    const config = evaluationSchema.parse({ protocol: 'knn', features: 'mean' });
    const result = await probe({ engine, encoder, loaders, evaluationConfig: config, seed: 0 });
    expect(result).toMatchObject({ protocol: 'knn', k: 20, temperature: 0.07, features: 'mean', featureSource: 'mean of the patch tokens after the final norm', featureWidth: 3, trainImages: 90, testImages: 31, classes: 3, engine: 'tfjs-cpu' });
    expect(result.top1).toBeGreaterThan(0.95);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  it('goes from images to a linear probe', async () => {
    const config = evaluationSchema.parse({ protocol: 'linear', epochs: 10 });
    const phases = new Set<string>();
    const result = await probe({ engine, encoder, loaders, evaluationConfig: config, classes: 3, seed: 4, onProgress: ({ phase }) => phases.add(phase) });
    expect(result).toMatchObject({ protocol: 'linear', preset: 'small', features: 'cls', epochs: 10, seed: 4, augmentation: false });
    expect(result.top1).toBeGreaterThan(0.95);
    expect([...phases]).toEqual(['train-features', 'test-features', 'probe']);
  });

  it('computes augmented features once an epoch for preset mae', async () => {
    const asked: number[] = [];
    const augmented = (epoch: number, batch: number) => {
      asked.push(epoch);
      return images(60, batch, 100 + epoch);
    };
    const config = evaluationSchema.parse({ protocol: 'linear', preset: 'mae', epochs: 4 });
    const result = await probe({ engine, encoder, loaders: { ...loaders, augmented }, evaluationConfig: config, seed: 0 });
    expect(asked).toEqual([0, 1, 2, 3]);
    expect(result).toMatchObject({ preset: 'mae', augmentation: true, epochs: 4, batchSize: 60 });
  });
});
