/** Programs small enough to read, for the tests of the engines. */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../../../extension/core/tensors';
import { float32 } from '../../../extension/core/tensors';
import { RandomStream } from '../../../extension/training/random';
import type { HostBatch, Program } from '../../../extension/training/engines/engine';

export function normals(shape: readonly number[], seed: number): ReturnType<typeof float32> {
  const random = new RandomStream(seed, 'test');
  const value = float32(shape);
  for (let i = 0; i < value.data.length; i++) value.data[i] = random.normal();
  return value;
}

/** Linear regression with momentum: reads and writes two state entries, reads a third. */
export function momentumProgram(): Program {
  return {
    name: 'momentum',
    state: { weight: { shape: [2, 3], dtype: 'float32' }, velocity: { shape: [2, 3], dtype: 'float32' }, decay: { shape: [], dtype: 'float32' } },
    constants: { target: normals([3, 2], 3) },
    batch: { x: { shape: [5, 3], dtype: 'float32' }, lr: { shape: [], dtype: 'float32' } },
    run({ state, constants, batch }) {
      const loss = (weight: tf.Tensor): tf.Scalar => {
        const predicted = tf.matMul(batch.x!, weight, false, true);
        return tf.mean<tf.Scalar>(tf.square(tf.sub(predicted, tf.matMul(batch.x!, constants.target!))));
      };
      const { value, grad } = tf.valueAndGrad(loss)(state.weight!);
      const velocity = tf.add(tf.mul(state.velocity!, state.decay!), grad);
      return {
        state: { weight: tf.sub(state.weight!, tf.mul(velocity, batch.lr!)), velocity },
        readings: { loss: value, norm: tf.sum(tf.square(grad)) },
      };
    },
  };
}

export function momentumState(): NamedTensors {
  return { weight: normals([2, 3], 1), velocity: float32([2, 3]), decay: float32([], Float32Array.of(0.9)) };
}

export function momentumBatch(step: number): HostBatch {
  return { x: normals([5, 3], 100 + step), lr: float32([], Float32Array.of(0.1)) };
}
