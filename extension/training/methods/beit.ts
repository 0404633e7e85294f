/**
 * BEiT: BERT Pre-Training of Image Transformers (Bao et al., ICLR 2022, arXiv 2106.08254): inpainting-style classification. Mask
 * tokens stand for the hidden blocks in the encoder, and a linear layer says there which code of a codebook the patch has.
 *
 * The official codes are those of a discrete VAE that was trained elsewhere (DALL-E's), BEiT v2's those of an auto-encoder of a
 * teacher's features. Here a codebook is learnt before the training by k-means over a frozen teacher's features of patches
 * (learn-codebook.ts); it then stays as it is, and is saved with every checkpoint.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { CodebookConfig, ReconstructionConfig } from '../../core/config/schema';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import type { MethodTeacher } from '../teachers/sources';
import { nearestCodes } from './codes';
import { classificationLoss } from './distances';
import type { InpaintingOptions } from './inpainting-method';
import { InpaintingMethod } from './inpainting-method';
import type { LossAndReadings } from './method';
import { targetWidth, teacherFeatures } from './teacher-features';

/** [V, D_T] */
export const CODEBOOK = 'method.codebook';

export interface BeitOptions extends InpaintingOptions {
  /** Frozen. */
  readonly teacher: MethodTeacher;
  readonly codebook: CodebookConfig;
  readonly reconstruction: ReconstructionConfig;
}

export class Beit extends InpaintingMethod {
  readonly name = 'beit';
  override readonly held = [CODEBOOK];

  constructor(private readonly options: BeitOptions) {
    const { teacher, codebook } = options;
    super(options, { name: 'method.lm_head', outputs: codebook.size }, {
      constants: teacher.constants,
      more: { [CODEBOOK]: { shape: [codebook.size, targetWidth(teacher)], dtype: 'float32' } },
    });
  }

  override reads(name: string): boolean {
    return name !== CODEBOOK;
  }

  /** What the codebook is learnt from: the teacher's features of every patch, [B·L, D_T]. @param images [B, 3, S, S] */
  features(images: tf.Tensor, constants: Tensors): tf.Tensor {
    return this.patchRows(teacherFeatures(this.options.teacher, constants, images, this.options.reconstruction).targets);
  }

  /**
   * Cross-entropy over the hidden patches. Readings: `accuracy` there; `keepIds` int32 [B, keep]; `scores` [B, L] if the masking
   * reads them.
   */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { teacher, reconstruction } = this.options;
    const { targets, scores } = teacherFeatures(teacher, constants, tensorOf(batch, 'images'), reconstruction, this.masking.readsScores);
    const codes = nearestCodes(this.patchRows(targets), tensorOf(parameters, CODEBOOK));
    const { keepIds, maskedIds } = this.masking.split(batch, scores);
    const { predicted, where } = this.inpaint(parameters, batch, constants, maskedIds);
    const right = tf.cast(tf.equal(tf.argMax(predicted, 1), codes), 'float32');
    const accuracy = tf.div(tf.sum(tf.mul(right, tf.reshape(where.counted, right.shape))), where.count);
    return { loss: classificationLoss(predicted, codes, where), readings: { accuracy, keepIds, ...(scores ? { scores } : {}) } };
  }
}
