/**
 * data2vec: A General Framework for Self-supervised Learning in Speech, Vision and Language (Baevski et al., ICML 2022, arXiv
 * 2202.03555), as the official code does it for images (facebookresearch/data2vec_vision, engine_for_cyclical.py, with
 * `--layer_results end --post_target_layer_norm`). Inpainting-style: the student sees mask tokens in place of the hidden blocks, and
 * predicts there the mean of the teacher's last K blocks on the whole image, each of them and their mean whitened. The teacher is
 * the moving average of the student, unless a checkpoint is named.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { ReconstructionConfig } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import type { MethodTeacher } from '../teachers/sources';
import { runTeacher } from '../teachers/teacher';
import { reconstructionLoss } from './distances';
import type { InpaintingOptions } from './inpainting-method';
import { InpaintingMethod } from './inpainting-method';
import type { LossAndReadings } from './method';
import { normaliseTokens } from './target-norm';

export interface Data2VecOptions extends InpaintingOptions {
  readonly teacher: MethodTeacher;
  /** With `average_top_k` filled in. */
  readonly reconstruction: ReconstructionConfig;
}

export class Data2Vec extends InpaintingMethod {
  readonly name = 'data2vec';
  /** Teacher blocks whose mean is the target, 0-based. */
  private readonly levels: readonly number[];

  /** @throws UserError MIM5003 if the teacher has fewer blocks than are to be averaged */
  constructor(private readonly options: Data2VecOptions) {
    super(options, { name: 'method.lm_head', outputs: options.teacher.architecture.width }, { constants: options.teacher.constants });
    const { depth } = options.teacher.architecture;
    const { average_top_k: count = depth } = options.reconstruction;
    if (count > depth) {
      throw new UserError('MIM5003', `reconstruction.average_top_k is ${count}, but the teacher has ${depth} blocks.`, `Use at most ${depth}.`);
    }
    this.levels = Array.from({ length: count }, (_, i) => depth - count + i);
  }

  /** Over the hidden patches. Readings: `keepIds` int32 [B, keep]; `scores` [B, L] if the masking reads them. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { targets, scores } = this.targets(tensorOf(batch, 'images'), constants);
    const { keepIds, maskedIds } = this.masking.split(batch, scores);
    const { predicted, where } = this.inpaint(parameters, batch, constants, maskedIds);
    return { loss: reconstructionLoss(this.options.reconstruction.loss, predicted, targets, where), readings: { keepIds, ...(scores ? { scores } : {}) } };
  }

  /** At every patch, [B·L, D_T]. */
  private targets(images: tf.Tensor, constants: Tensors): { targets: tf.Tensor; scores?: tf.Tensor } {
    const { teacher, reconstruction: { target_norm: norm = 'none' } } = this.options;
    const { targets, scores } = runTeacher(teacher.select(constants), teacher.architecture, images, { levels: this.levels, scores: this.masking.readsScores, keep: () => undefined });
    const mean = tf.div(targets.map((target) => normaliseTokens(norm, this.patchRows(target))).reduce((sum, target) => tf.add(sum, target)), targets.length);
    return { targets: normaliseTokens(norm, mean), scores };
  }
}
