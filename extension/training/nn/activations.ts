import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom-gradient';

/** x·Φ(x), the exact (erf) GELU; derivative Φ(x) + x·φ(x). */
export const gelu = withGradient((x: tf.Tensor) => {
  const cdf = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
  return {
    value: tf.mul(x, cdf),
    saved: [x, cdf],
    backward: (dy, [x, cdf]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return [tf.mul(dy, tf.add(cdf!, tf.mul(x!, density)))];
    },
  };
});

/** x·σ(1.702x), CLIP's GELU. Teachers only: no gradient of its own. */
export function quickGelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(x, tf.sigmoid(tf.mul(x, 1.702)));
}

/** x·σ(x). Teachers only: no gradient of its own. */
export function silu(x: tf.Tensor): tf.Tensor {
  return tf.mul(x, tf.sigmoid(x));
}
