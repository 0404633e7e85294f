/** The gradients registered for TensorFlow.js's kernels are the slopes of the functions. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import '../../../extension/training/engines/gradients';
import { loadTfjsBackend, onBackend } from '../../../extension/training/engines/tfjs-backend';
import { normals } from './small-programs';

type Function1 = (x: tf.Tensor, y: tf.Tensor) => tf.Tensor;
const positive = (x: tf.Tensor): tf.Tensor => tf.add(tf.square(x), 0.5);
const row = (y: tf.Tensor): tf.Tensor => tf.slice(y, [0, 0], [1, 4]);
const cases: Record<string, Function1> = {
  cast: (x) => tf.cast(x, 'float32'), neg: (x) => tf.neg(x), abs: (x) => tf.abs(x), square: (x) => tf.square(x), log: (x) => tf.log(positive(x)),
  log1p: (x) => tf.log1p(positive(x)), erf: (x) => tf.erf(x), relu: (x) => tf.relu(x), sin: (x) => tf.sin(x), cos: (x) => tf.cos(x),
  softplus: (x) => tf.softplus(x), clip: (x) => tf.clipByValue(x, -0.5, 0.5), step: (x) => tf.add(tf.step(x), x), exp: (x) => tf.exp(x),
  sqrt: (x) => tf.sqrt(positive(x)), rsqrt: (x) => tf.rsqrt(positive(x)), reciprocal: (x) => tf.reciprocal(positive(x)),
  sigmoid: (x) => tf.sigmoid(x), tanh: (x) => tf.tanh(x), add: (x, y) => tf.add(x, row(y)), 'add, broadcast': (x, y) => tf.add(row(x), y),
  sub: (x, y) => tf.sub(row(y), x), mul: (x, y) => tf.mul(x, row(y)), 'mul, broadcast': (x, y) => tf.mul(row(x), y),
  div: (x, y) => tf.div(x, positive(y)), 'div, by': (x, y) => tf.div(y, positive(x)), 'squared difference': (x, y) => tf.squaredDifference(x, row(y)),
  maximum: (x, y) => tf.maximum(x, y), minimum: (x, y) => tf.minimum(y, x), pow: (x) => tf.pow(positive(x), 1.5),
  'pow, exponent': (x, y) => tf.pow(positive(y), x), where: (x, y) => tf.where(tf.greater(y, 0), tf.square(x), tf.neg(x)),
  sum: (x) => tf.sum(tf.square(x), 1), 'sum, kept': (x) => tf.sum(tf.square(x), 0, true), mean: (x) => tf.mean(tf.square(x), -1), max: (x) => tf.max(x, 1), min: (x) => tf.min(x, 1, true),
  softmax: (x) => tf.softmax(x), 'log softmax': (x) => tf.logSoftmax(x), reshape: (x) => tf.reshape(x, [2, 6]), 'expand dims': (x) => tf.expandDims(x, 1),
  transpose: (x) => tf.transpose(tf.reshape(x, [3, 2, 2]), [2, 0, 1]), concat: (x, y) => tf.concat([y, x, x], 1), stack: (x, y) => tf.stack([y, x], 1),
  unstack: (x) => tf.unstack(x, 1)[2]!, split: (x) => tf.mul(tf.split(x, 2, 1)[1]!, 2), slice: (x) => tf.slice(x, [1, 0], [2, 3]),
  pad: (x) => tf.pad(x, [[1, 2], [0, 1]]), tile: (x) => tf.mul(tf.tile(x, [2, 3]), tf.range(0, 12)), reverse: (x) => tf.mul(tf.reverse(x, 1), tf.range(0, 4)),
  gather: (x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32')), matMul: (x, y) => tf.matMul(x, y, false, true), 'matMul, right': (x, y) => tf.matMul(y, x, true, false),
  'matMul, both': (x, y) => tf.matMul(tf.reshape(x, [4, 3]), y, true, true), 'matMul, right of both': (x, y) => tf.matMul(y, tf.reshape(x, [4, 3]), true, true),
  'matMul, batched': (x, y) => tf.matMul(tf.reshape(x, [3, 2, 2]), tf.reshape(y, [3, 2, 2])),
};

beforeAll(() => loadTfjsBackend('cpu'));

it.each(Object.entries(cases))('%s', (_name, f) => {
  const [x, y] = [normals([3, 4], 11), normals([3, 4], 12)];
  /** Σ w·f(x), so that every output element has its own weight. */
  const weighted = (input: tf.Tensor): tf.Scalar => {
    const value = f(input, tf.tensor(y.data.slice(), [3, 4]));
    const weights = tf.tensor(normals(value.shape, 13).data, value.shape);
    return tf.sum(tf.mul(value, weights));
  };
  onBackend('cpu', () => {
    const slopes = tf.tidy(() => tf.grad(weighted)(tf.tensor(x.data.slice(), [3, 4])).dataSync());
    const at = (i: number, shift: number): number => tf.tidy(() => {
      const moved = x.data.slice();
      moved[i]! += shift;
      return weighted(tf.tensor(moved, [3, 4])).dataSync()[0]!;
    });
    const h = 1e-2;
    for (let i = 0; i < x.data.length; i++) {
      // Fourth-order central difference.
      const slope = (8 * (at(i, h) - at(i, -h)) - (at(i, 2 * h) - at(i, -2 * h))) / (12 * h);
      expect(Math.abs(slopes[i]! - slope)).toBeLessThan(2e-3 * Math.max(1, Math.abs(slope)));
    }
  });
});
