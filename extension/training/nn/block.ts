/** The pre-LN transformer block under timm's names, for students and for every family of teachers. */
import * as tf from '@tensorflow/tfjs-core';
import type { TeacherShape } from '../../core/checkpoints/teacher-shape';
import { gelu, quickGelu, silu } from './activations';
import { selfAttention } from './attention';
import { layerNormOf } from './layer-norm';
import { linearOf } from './linear';
import type { Tensors } from './tensors';
import { tensorOf } from './tensors';

/** What the functions of a ViT need to know of it beside its weights. */
export type Architecture = Omit<TeacherShape, 'imageMean' | 'imageStd'>;

/** Stochastic depth of one residual branch: a factor for each image, 0 or 1/(1−rate), [B]. */
type KeepFactors = tf.Tensor;

interface BlockOutput {
  /** [B·N, D] */
  readonly output: tf.Tensor;
  /** [B, H, N, N] */
  readonly attention: tf.Tensor;
}

/** fc2(act(fc1(x))), or fc2(silu(gate)·value) where fc1 holds both. @param x [rows, D] */
export function mlp(parameters: Tensors, name: string, x: tf.Tensor, architecture: Architecture): tf.Tensor {
  const hidden = linearOf(parameters, `${name}.fc1`, x);
  if (architecture.mlp === 'swiglu') {
    const [gate, value] = tf.split(hidden, 2, 1);
    return linearOf(parameters, `${name}.fc2`, tf.mul(silu(gate!), value!));
  }
  return linearOf(parameters, `${name}.fc2`, architecture.activation === 'gelu' ? gelu(hidden) : quickGelu(hidden));
}

/** `branch`, scaled by DINOv2's layer-scale where the family has it. @param scale `ls1` or `ls2` */
export function layerScaled(parameters: Tensors, name: string, branch: tf.Tensor, architecture: Architecture): tf.Tensor {
  return architecture.layerScale ? tf.mul(branch, tensorOf(parameters, `${name}.gamma`)) : branch;
}

function dropPath(branch: tf.Tensor, keep: KeepFactors | undefined, batch: number): tf.Tensor {
  if (!keep) return branch;
  const [rows, width] = branch.shape as [number, number];
  const scaled = tf.mul(tf.reshape(branch, [batch, rows / batch, width]), tf.reshape(keep, [batch, 1, 1]));
  return tf.reshape(scaled, [rows, width]);
}

/**
 * x + attention(norm1(x)), then + mlp(norm2(·)).
 * @param name such as `blocks.3`
 * @param x [B·N, D]
 * @param keeps drop-path factors of the attention and of the MLP branch
 */
export function block(
  parameters: Tensors,
  name: string,
  x: tf.Tensor,
  architecture: Architecture,
  batch: number,
  keeps?: readonly [KeepFactors, KeepFactors],
): BlockOutput {
  const size = { batch, tokens: x.shape[0]! / batch, heads: architecture.heads };
  const normed = layerNormOf(parameters, `${name}.norm1`, x, architecture.normEps);
  const attended = selfAttention(parameters, `${name}.attn`, normed, size);
  const afterAttention = tf.add(x, dropPath(layerScaled(parameters, `${name}.ls1`, attended.output, architecture), keeps?.[0], batch));
  const branch = mlp(parameters, `${name}.mlp`, layerNormOf(parameters, `${name}.norm2`, afterAttention, architecture.normEps), architecture);
  const output = tf.add(afterAttention, dropPath(layerScaled(parameters, `${name}.ls2`, branch, architecture), keeps?.[1], batch));
  return { output, attention: attended.weights };
}
