/** Every hand-written backward pass agrees with finite differences of its forward pass. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTfjsBackend } from '../../../extension/training/engines/tfjs-backend';
import { distance, reconstructionLoss } from '../../../extension/training/methods/distances';
import { gelu } from '../../../extension/training/nn/activations';
import { crossEntropy } from '../../../extension/training/nn/cross-entropy';
import { layerNorm } from '../../../extension/training/nn/layer-norm';
import { RandomStream } from '../../../extension/training/random';
import '../../../extension/training/engines/gradients';
import { randomTensor } from './experiments';

beforeAll(() => loadTfjsBackend('cpu'));

function tensor(seed: number, shape: number[], scale = 1): tf.Tensor {
  return tf.tensor(randomTensor(new RandomStream(seed, 'gradient'), shape, scale).data, shape);
}

/** Largest deviation of the gradient from central differences, relative to the largest gradient. */
function gradientError(f: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], step = 1e-2): number {
  // A random weighting of the outputs, so that no direction cancels.
  const weighted = (...xs: tf.Tensor[]): tf.Scalar => {
    const y = f(...xs);
    return tf.sum(tf.mul(y, tensor(99, y.shape)));
  };
  const gradients = tf.grads(weighted)(inputs);
  let worst = 0;
  let scale = 0;
  inputs.forEach((input, which) => {
    const values = input.dataSync();
    const gradient = gradients[which]!.dataSync();
    for (let i = 0; i < values.length; i++) {
      const at = (delta: number): number => {
        const moved = Float32Array.from(values);
        moved[i]! += delta;
        return weighted(...inputs.map((other, j) => (j === which ? tf.tensor(moved, input.shape) : other))).dataSync()[0]!;
      };
      worst = Math.max(worst, Math.abs((at(step) - at(-step)) / (2 * step) - gradient[i]!));
      scale = Math.max(scale, Math.abs(gradient[i]!));
    }
  });
  return worst / scale;
}

describe('the backward pass agrees with finite differences', () => {
  it('of LayerNorm, by input, scale and shift', () => {
    expect(gradientError((x, gamma, beta) => layerNorm(x!, gamma!, beta!, 1e-6), [tensor(1, [3, 6]), tensor(2, [6]), tensor(3, [6])])).toBeLessThan(1e-3);
  });

  it('of GELU', () => {
    expect(gradientError((x) => gelu(x!), [tensor(4, [4, 5], 2)])).toBeLessThan(1e-3);
  });

  it.each(['l2', 'l1', 'smooth_l1'] as const)('of the %s distance', (name) => {
    const target = tensor(6, [4, 5]);
    const apart = tf.tidy(() => tf.add(target, tf.tensor([0.5, -0.4, 3, -2, 0.1, 0.7, -0.3, 1.7, -1.5, 0.2, 4, -0.6, 0.9, -0.8, 0.25, -5, 0.35, -0.15, 2.2, -0.45], [4, 5])));
    expect(gradientError((x) => distance(name, x!, target), [apart])).toBeLessThan(2e-3);
  });

  it.each(['l2', 'smooth_l1_beta2', 'cosine'] as const)('of the %s reconstruction loss, over all rows and over some', (name) => {
    const target = tensor(8, [4, 5]);
    const counted = tf.tensor2d([1, 0, 1, 1], [4, 1]);
    expect(gradientError((x) => reconstructionLoss(name, x!, target), [tensor(9, [4, 5], 2)])).toBeLessThan(2e-3);
    expect(gradientError((x) => reconstructionLoss(name, x!, target, { counted, count: 3 }), [tensor(9, [4, 5], 2)])).toBeLessThan(2e-3);
  });

  it('of the smoothed cross-entropy', () => {
    const labels = tf.tensor1d([2, 0, 1], 'int32');
    expect(gradientError((logits) => crossEntropy(logits!, labels, 0.1), [tensor(7, [3, 4], 2)])).toBeLessThan(1e-3);
  });
});

describe('distances', () => {
  const of = (name: 'l2' | 'l1' | 'smooth_l1', difference: number[]): number =>
    tf.tidy(() => distance(name, tf.tensor2d([difference]), tf.zeros([1, difference.length])).dataSync()[0]!);

  it('smooth_l1 is 2·SmoothL1: e² inside ±1 and 2|e| − 1 outside', () => {
    expect(of('smooth_l1', [0.5])).toBeCloseTo(0.25, 6);
    expect(of('smooth_l1', [-3])).toBeCloseTo(5, 6);
    expect(of('smooth_l1', [1, -0.5, 2, 0])).toBeCloseTo((1 + 0.25 + 3 + 0) / 4, 6);
  });

  it('predicting 0 against whitened Gaussian targets gives about 0.85, and 1 by l2', () => {
    const normals = Array.from(randomTensor(new RandomStream(11, 'baseline'), [200_000]).data);
    expect(of('smooth_l1', normals)).toBeCloseTo(0.85, 2);
    expect(of('l2', normals)).toBeCloseTo(1, 1);
  });

  it('keeps its digits over a million terms', () => {
    const value = tf.tidy(() => distance('l2', tf.fill([1000, 1200], 0.1), tf.zeros([1000, 1200])).dataSync()[0]!);
    expect(Math.abs(value / Math.fround(0.1) ** 2 - 1)).toBeLessThan(1e-5);
  });
});
