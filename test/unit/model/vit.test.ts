import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TeacherShape } from '../../../extension/core/checkpoints/teacher-shape';
import type { NamedTensors } from '../../../extension/core/tensors';
import { loadTfjsBackend } from '../../../extension/training/engines/tfjs-backend';
import { dropRates, drawDropPath } from '../../../extension/training/nn/drop-path';
import { initialTensors, initialVit } from '../../../extension/training/nn/initialise';
import { layerNorm, standardise } from '../../../extension/training/nn/layer-norm';
import { patchify } from '../../../extension/training/nn/patches';
import { sinCosPositions } from '../../../extension/training/nn/positions';
import type { Tensors } from '../../../extension/training/nn/tensors';
import { hiddenStates, vitFeatures } from '../../../extension/training/nn/vit';
import { RandomStream } from '../../../extension/training/random';
import { prepareTeacher } from '../../../extension/training/teachers/prepare';
import { runTeacher, teacherFeatures } from '../../../extension/training/teachers/teacher';
import { MICRO_STUDENT, randomImages, randomTeacher } from './experiments';

beforeAll(() => loadTfjsBackend('cpu'));

function onDevice(tensors: NamedTensors): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data, shape, dtype }]) => [name, tf.tensor(data, [...shape], dtype)]));
}

const images = (batch: number, size = 16): tf.Tensor => tf.tensor(randomImages(new RandomStream(8, 'images'), batch, size).data, [batch, 3, size, size]);

function meanSquare(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return sum / values.length;
}

function largestDifference(a: tf.Tensor, b: tf.Tensor): number {
  return tf.tidy(() => tf.max(tf.abs(tf.sub(tf.reshape(a, [-1]), tf.reshape(b, [-1])))).dataSync()[0]!);
}

describe('positions', () => {
  it('are sin, cos of the column, then sin, cos of the row; zero for CLS', () => {
    const { data, shape } = sinCosPositions(8, 3);
    expect(shape).toEqual([1, 10, 8]);
    expect(Array.from(data.subarray(0, 8))).toEqual(new Array(8).fill(0));
    const patch = 1 + 2 * 3 + 1; // row 2, column 1
    const expected = [Math.sin(1), Math.sin(0.01), Math.cos(1), Math.cos(0.01), Math.sin(2), Math.sin(0.02), Math.cos(2), Math.cos(0.02)];
    expected.forEach((value, k) => expect(data[patch * 8 + k]).toBeCloseTo(value, 6));
  });
});

describe('patches', () => {
  it('are rows of (channel, y, x), as a flattened convolution kernel', () => {
    const image = tf.reshape(tf.range(0, 3 * 4 * 4), [1, 3, 4, 4]);
    const patches = patchify(image, 2).arraySync() as number[][];
    expect(patches[1]).toEqual([2, 3, 6, 7, 18, 19, 22, 23, 34, 35, 38, 39]);
  });
});

describe('normalisation', () => {
  it('of tokens with almost no spread is limited by eps', () => {
    const x = tf.tensor2d([[1.001, 0.999]]);
    expect(standardise(x, 1e-5).arraySync()).toEqual([[expect.closeTo(0.001 / Math.sqrt(1e-6 + 1e-5), 2), expect.closeTo(-0.001 / Math.sqrt(1e-6 + 1e-5), 2)]]);
    const normed = layerNorm(x, tf.ones([2]), tf.zeros([2]), 1e-6).dataSync()[0]!;
    expect(normed).toBeCloseTo(0.001 / Math.sqrt(2e-6), 2);
  });
});

describe('initial weights', () => {
  const tensors = initialVit(new RandomStream(1, 'initialise'), { ...MICRO_STUDENT, width: 64 });

  it('are Xavier uniform with zero biases and unit norms', () => {
    const qkv = tensors['blocks.1.attn.qkv.weight']!.data;
    const bound = Math.sqrt(6 / (3 * 64 + 64));
    expect(Math.max(...qkv)).toBeLessThanOrEqual(bound);
    expect(Math.max(...qkv)).toBeGreaterThan(0.99 * bound);
    expect(meanSquare(qkv) / ((bound * bound) / 3)).toBeCloseTo(1, 1);
    const patch = tensors['patch_embed.proj.weight']!.data;
    expect(Math.max(...patch)).toBeLessThanOrEqual(Math.sqrt(6 / (64 + 48)));
    expect(new Set(tensors['blocks.0.mlp.fc1.bias']!.data)).toEqual(new Set([0]));
    expect(new Set(tensors['norm.weight']!.data)).toEqual(new Set([1]));
    expect(new Set(tensors['blocks.2.norm2.weight']!.data)).toEqual(new Set([1]));
    expect(tensors['pos_embed']).toBeUndefined();
  });

  it('draw the CLS token from N(0, 0.02)', () => {
    const [cls] = Object.values(initialTensors(new RandomStream(1, 'cls'), { cls_token: { shape: [1, 1, 4000], dtype: 'float32' } }));
    expect(Math.sqrt(meanSquare(cls!.data))).toBeCloseTo(0.02, 3);
  });
});

describe('drop-path', () => {
  it('grows linearly to the last block and keeps the expected branch', () => {
    expect(dropRates(0.2, 5)).toEqual([0, 0.05, 0.1, 0.15000000000000002, 0.2]);
    const { data } = drawDropPath(new RandomStream(1, 'drop'), 0.5, 2, 20_000);
    expect(new Set(data.subarray(0, 40_000))).toEqual(new Set([1]));
    const last = data.subarray(40_000);
    expect(new Set(last)).toEqual(new Set([0, 2]));
    // Half of them are 2, whose square is 4.
    expect(meanSquare(last)).toBeCloseTo(2, 1);
  });
});

describe('a student', () => {
  const parameters = (): Tensors => onDevice({ ...initialVit(new RandomStream(1, 'initialise'), MICRO_STUDENT), pos_embed: sinCosPositions(16, 4) });

  it('sees the same with every patch kept, in order, as with the whole image', () => {
    const all = tf.tensor2d(Int32Array.from({ length: 32 }, (_, i) => i % 16), [2, 16], 'int32');
    const tensors = parameters();
    const whole = hiddenStates(tensors, tensors['pos_embed']!, MICRO_STUDENT, { images: images(2) });
    const kept = hiddenStates(tensors, tensors['pos_embed']!, MICRO_STUDENT, { images: images(2), keepIds: all });
    expect(whole).toHaveLength(3);
    whole.forEach((state, i) => expect(largestDifference(state, kept[i]!)).toBeLessThan(1e-5));
  });

  it('gives features whose hidden states are the raw block outputs', () => {
    const tensors = parameters();
    const features = vitFeatures(tensors, MICRO_STUDENT, images(2), { hidden: true, attention: true });
    const states = hiddenStates(tensors, tensors['pos_embed']!, MICRO_STUDENT, { images: images(2) });
    expect(features.cls.shape).toEqual([2, 16]);
    expect(features.mean.shape).toEqual([2, 16]);
    features.hidden!.forEach((state, i) => expect(largestDifference(state, states[i]!)).toBe(0));
    // The final norm is γ=1, β=0: CLS features are standardised.
    expect(tf.mean(features.cls, -1).arraySync()).toEqual([expect.closeTo(0, 4), expect.closeTo(0, 4)]);
    const attention = tf.sum(features.clsAttention!, -1).arraySync() as number[];
    for (const share of attention) expect(share).toBeGreaterThan(0.5);
    for (const share of attention) expect(share).toBeLessThan(1);
  });
});

describe('a teacher run for a few tokens', () => {
  const families: [string, Partial<TeacherShape>][] = [
    ['plain', {}],
    ['CLIP', { prenorm: true, patchBias: false, activation: 'quick_gelu', normEps: 1e-5, imageMean: [0.4, 0.5, 0.6], imageStd: [0.2, 0.3, 0.4] }],
    ['DINOv2 with registers', { registers: 2, layerScale: true, mlp: 'swiglu' }],
    ['of another patch size', { patchSize: 8, imageSize: 24 }],
  ];

  it.each(families)('%s: has the hidden states and attention of the whole forward pass there', (_name, changes) => {
    const prepared = prepareTeacher(randomTeacher(changes), MICRO_STUDENT, { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] });
    const tensors = onDevice(prepared.tensors);
    const skip = 1 + prepared.shape.registers;
    const whole = teacherFeatures(tensors, prepared.shape, images(2), { hidden: true, attention: true });
    const keepIds = tf.tensor2d([[3, 15, 0], [7, 8, 2]], [2, 3], 'int32');
    const few = runTeacher(tensors, prepared.shape, images(2), { levels: [1, 2], scores: true, keep: () => keepIds });
    expect(largestDifference(few.scores!, whole.clsAttention!)).toBeLessThan(1e-6);
    [1, 2].forEach((level, k) => {
      const all = whole.hidden![level]!.arraySync();
      const expected = [[0, 3, 15, 0], [0, 7, 8, 2]].map((tokens, image) => tokens.map((token, i) => all[image]![i === 0 ? 0 : skip + token]!));
      expect(largestDifference(few.targets[k]!, tf.tensor3d(expected))).toBeLessThan(1e-5);
    });
  });
});
