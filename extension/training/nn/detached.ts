import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom-gradient';

/**
 * A value of which no gradient goes back, whatever parameters it is computed from: inside of a function with its own gradient
 * nothing is recorded, and its one input is not trained.
 * @param images what the value is computed of beside parameters
 */
export function detached(images: tf.Tensor, compute: () => tf.Tensor): tf.Tensor {
  return withGradient((input: tf.Tensor) => ({ value: compute(), saved: [input], backward: (_dy, [input]) => [tf.zerosLike(input!)] }))(images);
}
