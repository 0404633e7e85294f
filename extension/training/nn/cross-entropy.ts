import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom-gradient';

/**
 * Cross-entropy with label smoothing, mean over the batch: targets are (1−ε)·one-hot + ε/C, as in PyTorch.
 * @param logits [B, C]
 * @param labels int32 [B]
 */
export function crossEntropy(logits: tf.Tensor, labels: tf.Tensor, smoothing: number): tf.Scalar {
  const [batch, classes] = logits.shape as [number, number];
  const targets = tf.oneHot(labels as tf.Tensor1D, classes, 1 - smoothing + smoothing / classes, smoothing / classes, 'float32');
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
