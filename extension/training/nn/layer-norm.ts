import * as tf from '@tensorflow/tfjs-core';
import type { NamedSpecs } from '../../core/tensors';
import { withGradient } from './custom-gradient';
import type { Tensors } from './tensors';
import { tensorOf } from './tensors';

/** x minus its mean, and 1/√(variance + eps), both over the last axis; the variance is the biased one, as in PyTorch. */
function centreAndScale(x: tf.Tensor, eps: number): { centred: tf.Tensor; inverseStd: tf.Tensor } {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  return { centred, inverseStd: tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), eps)) };
}

/** LayerNorm without affine parameters and without a gradient of its own: what whitening does to targets. */
export function standardise(x: tf.Tensor, eps: number): tf.Tensor {
  const { centred, inverseStd } = centreAndScale(x, eps);
  return tf.mul(centred, inverseStd);
}

/**
 * LayerNorm over the last axis.
 *
 * With x̂ = (x − μ)/σ and d = dy·γ: dx = (d − mean(d) − x̂·mean(d·x̂))/σ, dγ = Σ dy·x̂, dβ = Σ dy.
 * @param x [rows, D]
 * @param gamma [D]
 * @param beta [D]
 */
export function layerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, eps: number): tf.Tensor {
  const normalise = withGradient((x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => {
    const { centred, inverseStd } = centreAndScale(x, eps);
    const normalised = tf.mul(centred, inverseStd);
    return {
      value: tf.add(tf.mul(normalised, gamma), beta),
      saved: [normalised, inverseStd, gamma],
      backward: (dy, [normalised, inverseStd, gamma]) => {
        const d = tf.mul(dy, gamma!);
        const along = tf.mean(tf.mul(d, normalised!), -1, true);
        const dx = tf.mul(tf.sub(tf.sub(d, tf.mean(d, -1, true)), tf.mul(normalised!, along)), inverseStd!);
        return [dx, tf.sum(tf.mul(dy, normalised!), 0), tf.sum(dy, 0)];
      },
    };
  });
  return normalise(x, gamma, beta);
}

/** The LayerNorm stored as `<name>.weight` and `<name>.bias`. */
export function layerNormOf(parameters: Tensors, name: string, x: tf.Tensor, eps: number): tf.Tensor {
  return layerNorm(x, tensorOf(parameters, `${name}.weight`), tensorOf(parameters, `${name}.bias`), eps);
}

export function layerNormSpecs(name: string, width: number): NamedSpecs {
  return { [`${name}.weight`]: { shape: [width], dtype: 'float32' }, [`${name}.bias`]: { shape: [width], dtype: 'float32' } };
}
