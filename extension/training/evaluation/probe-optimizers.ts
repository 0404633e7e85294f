/** The optimizers of linear probes, on stacked heads: every tensor has a leading axis of R independent heads. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';

export type ProbeOptimizer = 'lars' | 'sgd';

export const PROBE_MOMENTUM = 0.9;
export const LARS_TRUST = 0.001;

/** Below every norm that matters; keeps 0/0 (a zero gradient) at 0. */
const TINY = 1e-30;

/**
 * SGD with momentum: v ← 0.9 v + g, p ← p − lr·v.
 *
 * @param rates [R, 1, …], the learning rate of each head, broadcast over its parameter
 */
export function sgdStep(parameter: Tensor, gradient: Tensor, velocity: Tensor, rates: Tensor): { parameter: Tensor; velocity: Tensor } {
  const next = tf.add(tf.mul(velocity, PROBE_MOMENTUM), gradient);
  return { parameter: tf.sub(parameter, tf.mul(rates, next)), velocity: next };
}

/**
 * LARS as in MAE (util/lars.py), weight decay 0: the gradient of a matrix is scaled by 0.001·‖p‖/‖g‖ before the
 * momentum; what has one axis or none (the bias) is left to plain SGD, which is for the caller to choose.
 * The original does not scale where ‖p‖ is 0; a randomly drawn matrix never is.
 *
 * @param parameter [R, C, D]: the norms are taken over each head
 */
export function larsStep(parameter: Tensor, gradient: Tensor, velocity: Tensor, rates: Tensor): { parameter: Tensor; velocity: Tensor } {
  const trust = tf.div(tf.mul(headNorm(parameter), LARS_TRUST), tf.add(headNorm(gradient), TINY));
  return sgdStep(parameter, tf.mul(gradient, trust), velocity, rates);
}

/** Euclidean norm of each head of [R, C, D], as [R, 1, 1]; summed in two stages, which is more accurate in float32. */
function headNorm(x: Tensor): Tensor {
  return tf.sqrt(tf.sum(tf.sum(tf.square(x), 2, true), 1, true));
}
