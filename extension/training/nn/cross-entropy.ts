import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom-gradient';

/** Rows of the identity: one-hot [B, C] of int32 [B], as a look-up that every engine has. */
export function oneHot(ids: tf.Tensor, classes: number): tf.Tensor {
  return tf.gather(tf.eye(classes), ids);
}

/**
 * Cross-entropy with label smoothing, mean over the batch: targets are (1−ε)·one-hot + ε/C, as in PyTorch.
 * @param logits [B, C]
 * @param labels one-hot [B, C]
 */
export function crossEntropy(logits: tf.Tensor, labels: tf.Tensor, smoothing: number): tf.Scalar {
  const [batch, classes] = logits.shape as [number, number];
  const targets = tf.add(tf.mul(labels, 1 - smoothing), smoothing / classes);
  const meanLoss = withGradient((logits: tf.Tensor) => {
    const shifted = tf.sub(logits, tf.max(logits, -1, true));
    const logProbabilities = tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)));
    return {
      value: tf.neg(tf.mean(tf.sum(tf.mul(targets, logProbabilities), -1))),
      saved: [tf.sub(tf.exp(logProbabilities), targets)],
      backward: (dy, [excess]) => [tf.mul(excess!, tf.div(dy, batch))],
    };
  });
  return meanLoss(logits) as tf.Scalar;
}
