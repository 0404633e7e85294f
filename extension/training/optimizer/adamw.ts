/** AdamW (Loshchilov and Hutter 2019) with PyTorch's arithmetic and the official recipe's groups, as plain tensor functions. */
import * as tf from '@tensorflow/tfjs-core';

export interface AdamWOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}

/** How much of a moment stays and how much comes in: β and 1−β. */
interface Shares {
  readonly old: number | tf.Tensor;
  readonly new: number | tf.Tensor;
}

/** What a step needs beside one parameter's tensors: scalars computed once. */
export interface AdamWStep {
  readonly first: Shares;
  readonly second: Shares;
  /** 1 − lr·weightDecay */
  readonly shrink: tf.Tensor;
  /** −lr·√(1−β₂ᵗ)/(1−β₁ᵗ) */
  readonly scale: tf.Tensor;
  /** eps·√(1−β₂ᵗ) */
  readonly eps: tf.Tensor;
}

/**
 * @param learningRate float32 []
 * @param step float32 [], 1 for the first step
 */
export function adamWStep(options: AdamWOptions, learningRate: tf.Tensor, step: tf.Tensor): AdamWStep {
  const correction = (beta: number): tf.Tensor => tf.sub(1, tf.pow(tf.scalar(beta), step));
  const shares = (beta: number): Shares => ({ old: beta, new: 1 - beta });
  const rootCorrection = tf.sqrt(correction(options.betas[1]));
  return {
    first: shares(options.betas[0]),
    second: shares(options.betas[1]),
    shrink: tf.sub(1, tf.mul(learningRate, options.weightDecay)),
    scale: tf.neg(tf.div(tf.mul(learningRate, rootCorrection), correction(options.betas[0]))),
    eps: tf.mul(rootCorrection, options.eps),
  };
}

/**
 * The step where `finite` holds, and else one that leaves parameters and moments as they are, to the bit, for gradients of zeros.
 * That scalars say so and not a choice of every element keeps the update one pass over memory.
 * @param finite bool []
 */
export function onlyIfFinite(finite: tf.Tensor, { first, second, shrink, scale, eps }: AdamWStep): AdamWStep {
  const either = (then: number | tf.Tensor, otherwise: number): tf.Tensor => tf.where(finite, then, otherwise);
  const shares = (of: Shares): Shares => ({ old: either(of.old, 1), new: either(of.new, 0) });
  return { first: shares(first), second: shares(second), shrink: either(shrink, 1), scale: either(scale, 0), eps };
}

interface AdamWEntry {
  readonly parameter: tf.Tensor;
  readonly expAvg: tf.Tensor;
  readonly expAvgSq: tf.Tensor;
}

/**
 * m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; p ← p·(1−lr·wd) − lr·m̂/(√v̂ + eps). The bias corrections of m̂ and v̂ are
 * multiplied out into two scalars: m̂/(√v̂ + eps) = m/(√v + eps·√(1−β₂ᵗ)) · √(1−β₂ᵗ)/(1−β₁ᵗ).
 * @param squared g², which the gradient norm has already made
 */
export function adamW(entry: AdamWEntry, gradient: tf.Tensor, squared: tf.Tensor, step: AdamWStep, decays: boolean): AdamWEntry {
  const { first, second } = step;
  const expAvg = tf.add(tf.mul(entry.expAvg, first.old), tf.mul(gradient, first.new));
  const expAvgSq = tf.add(tf.mul(entry.expAvgSq, second.old), tf.mul(squared, second.new));
  const update = tf.mul(tf.div(expAvg, tf.add(tf.sqrt(expAvgSq), step.eps)), step.scale);
  const parameter = tf.add(decays ? tf.mul(entry.parameter, step.shrink) : entry.parameter, update);
  return { parameter, expAvg, expAvgSq };
}
