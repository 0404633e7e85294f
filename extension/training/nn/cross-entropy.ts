import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom-gradient';

/**
 * Cross-entropy with label smoothing, mean over the batch.
 * @param logits [B, C]
 * @param labels int32 [B]
 */
export function crossEntropy(logits: tf.Tensor, labels: tf.Tensor, smoothing: number): tf.Scalar {
  return softCrossEntropy(logits, smoothedTargets(labels, logits.shape[1]!, smoothing));
}

/**
 * (1−ε)·one-hot + ε/C, as in PyTorch, [B, C].
 * @param labels int32 [B]
 */
export function smoothedTargets(labels: tf.Tensor, classes: number, smoothing: number): tf.Tensor {
  return tf.oneHot(labels as tf.Tensor1D, classes, 1 - smoothing + smoothing / classes, smoothing / classes, 'float32');
}

/**
 * −Σ targets·log softmax(logits), mean over the batch.
 * @param logits [B, C]
 * @param targets [B, C], probabilities that sum to 1 for each image; no gradient flows to them
 */
export function softCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  const batch = logits.shape[0]!;
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
