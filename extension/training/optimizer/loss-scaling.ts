/**
 * Dynamic loss scaling (Micikevicius et al. 2018, Mixed Precision Training, §3.2), with the rules and constants of PyTorch's
 * `GradScaler`: the loss is multiplied before it is differentiated, so that small gradients do not vanish where products round to half
 * precision; a step whose gradients overflowed is not made and halves the scale, 2,000 good ones in a row double it.
 */
import * as tf from '@tensorflow/tfjs-core';
import { float32, type NamedSpecs, type NamedTensors } from '../../core/tensors';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';

/** Of every entry of the state that is the scaling's own. */
const PREFIX = 'loss_scaling.';
const SCALE = `${PREFIX}scale`;
/** Steps since the scale last changed. */
const GOOD_STEPS = `${PREFIX}good_steps`;
/** Steps of the training that were not made. */
const SKIPPED_STEPS = `${PREFIX}skipped_steps`;

export interface LossScalingOptions {
  /** `GradScaler(init_scale)` */
  readonly initialScale: number;
  /** `GradScaler(growth_interval)` */
  readonly growthInterval: number;
}

export const gradScalerDefaults: LossScalingOptions = { initialScale: 65536, growthInterval: 2000 };

/** `GradScaler(growth_factor, backoff_factor)` */
const GROWTH = 2;
const BACKOFF = 0.5;

/** All float32 []. */
export const lossScalingSpecs: NamedSpecs = Object.fromEntries([SCALE, GOOD_STEPS, SKIPPED_STEPS].map((name) => [name, { shape: [], dtype: 'float32' }]));

export function initialLossScaling({ initialScale }: LossScalingOptions): NamedTensors {
  return { [SCALE]: float32([], Float32Array.of(initialScale)), [GOOD_STEPS]: float32([]), [SKIPPED_STEPS]: float32([]) };
}

/** The factor on the loss, []. */
export function lossScale(state: Tensors): tf.Scalar {
  return tensorOf(state, SCALE) as tf.Scalar;
}

/** Steps that were made once this one is, [], of `step` that were tried: what AdamW's bias corrections count. */
export function stepsMade(state: Tensors, step: tf.Tensor): tf.Tensor {
  return tf.sub(step, tensorOf(state, SKIPPED_STEPS));
}

/** The scaling after a step. @param finite bool [], whether the step's gradients are */
export function nextLossScaling(state: Tensors, finite: tf.Tensor, { growthInterval }: LossScalingOptions): Record<string, tf.Tensor> {
  const [scale, skipped] = [tensorOf(state, SCALE), tensorOf(state, SKIPPED_STEPS)];
  const good = tf.add(tensorOf(state, GOOD_STEPS), 1);
  const larger = tf.mul(scale, GROWTH);
  const grows = tf.equal(good, growthInterval);
  const afterGood = tf.where(tf.logicalAnd(grows, tf.isFinite(larger)), larger, scale);
  return {
    [SCALE]: tf.where(finite, afterGood, tf.mul(scale, BACKOFF)),
    [GOOD_STEPS]: tf.where(tf.logicalAnd(finite, tf.logicalNot(grows)), good, tf.zerosLike(good)),
    [SKIPPED_STEPS]: tf.where(finite, skipped, tf.add(skipped, 1)),
  };
}

/** @returns of the state after a step: `loss_scale`, that of the next one, and `skipped_steps`, all so far */
export function lossScalingReadings(next: Tensors): Record<string, tf.Tensor> {
  return { loss_scale: tensorOf(next, SCALE), skipped_steps: tensorOf(next, SKIPPED_STEPS) };
}
