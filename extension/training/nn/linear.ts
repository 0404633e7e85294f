import * as tf from '@tensorflow/tfjs-core';
import type { NamedSpecs } from '../../core/tensors';
import type { Tensors } from './tensors';
import { tensorOf } from './tensors';

/**
 * x·Wᵀ + b.
 * @param x [rows, in]
 * @param weight [out, in], PyTorch layout
 * @param bias [out]
 * @returns [rows, out]
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const product = tf.matMul(x, weight, false, true);
  return bias ? tf.add(product, bias) : product;
}

/** The linear layer stored as `<name>.weight` and `<name>.bias`. */
export function linearOf(parameters: Tensors, name: string, x: tf.Tensor): tf.Tensor {
  return linear(x, tensorOf(parameters, `${name}.weight`), tensorOf(parameters, `${name}.bias`));
}

export function linearSpecs(name: string, outputs: number, inputs: number): NamedSpecs {
  return { [`${name}.weight`]: { shape: [outputs, inputs], dtype: 'float32' }, [`${name}.bias`]: { shape: [outputs], dtype: 'float32' } };
}
