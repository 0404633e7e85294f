/** A teacher's last features as targets: the whole image, every token, after the teacher's final norm and, if wanted, CLIP's projection. */
import * as tf from '@tensorflow/tfjs-core';
import type { ReconstructionConfig } from '../../core/config/schema';
import { flatRows } from '../nn/patches';
import { layerNormOf } from '../nn/layer-norm';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import type { MethodTeacher } from '../teachers/sources';
import { runTeacher } from '../teachers/teacher';
import { normaliseTokens } from './target-norm';

export interface TeacherFeatures {
  /** [CLS; patches], [B·(1+L), D_T or E], normalised as targets. */
  readonly targets: tf.Tensor;
  /** CLS attention of the last block, [B, L], if it was asked for. */
  readonly scores?: tf.Tensor;
}

/** Numbers of a target's token: the width of the teacher, or of CLIP's projection. */
export function targetWidth({ architecture: { projection, width } }: MethodTeacher): number {
  return projection ?? width;
}

/** @param images [B, 3, S, S], normalised for the student */
export function teacherFeatures(teacher: MethodTeacher, constants: Tensors, images: tf.Tensor, { target_norm: norm = 'none' }: Pick<ReconstructionConfig, 'target_norm'>, scored = false): TeacherFeatures {
  const { architecture } = teacher;
  const tensors = teacher.select(constants);
  const { targets, scores } = runTeacher(tensors, architecture, images, { levels: [architecture.depth - 1], scores: scored, keep: () => undefined });
  return { targets: normaliseTokens(norm, lastFeatures(teacher, tensors, targets[0]!)), scores };
}

/** What a block gave, as the teacher's last features: normed, and projected where the projection is wanted. @param output [rows, D_T] */
export function lastFeatures({ architecture }: MethodTeacher, tensors: Tensors, output: tf.Tensor): tf.Tensor {
  const normed = layerNormOf(tensors, 'norm', output, architecture.normEps);
  return architecture.projection === undefined ? normed : tf.matMul(normed as tf.Tensor2D, tensorOf(tensors, 'head.weight') as tf.Tensor2D, false, true);
}

/** Targets in a decoder's order, [CLS; visible; masked]. @param targets [B·(1+L), D_T], without gradient */
export function inDecoderOrder(targets: tf.Tensor, keepIds: tf.Tensor, maskedIds: tf.Tensor): tf.Tensor {
  const batch = keepIds.shape[0]!;
  const patches = tf.add(tf.concat([keepIds, maskedIds], 1), tf.scalar(1, 'int32'));
  return tf.gather(targets, flatRows(tf.concat([tf.zeros([batch, 1], 'int32'), patches], 1), targets.shape[0]! / batch));
}
