import * as tf from '@tensorflow/tfjs-core';

/** average ← momentum·average + (1−momentum)·value. @param momentum float32 [] */
export function movingAverage(average: tf.Tensor, value: tf.Tensor, momentum: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(average, momentum), tf.mul(value, tf.sub(1, momentum)));
}
