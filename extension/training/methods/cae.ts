/**
 * CAE: Context Autoencoder for Self-Supervised Representation Learning (Chen et al., IJCV 2023, arXiv 2202.03026), as the official
 * code does it (lxtGH/CAE, modeling_cae.py), with a feature target as in CAE v2 (arXiv 2211.09799). The encoder sees the visible
 * patches; a regressor makes latents of the masked ones from them, which are aligned with what the encoder itself makes of the
 * masked patches; a decoder, which sees nothing but those latents, predicts the teacher's last features.
 *
 * The official code's copy of the encoder for the alignment is, at its momentum of 0, the encoder of the step before; here it is
 * the encoder, without gradient.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { DecoderShape, MaskingConfig, ReconstructionConfig, VitShape } from '../../core/config/schema';
import { createMasking } from '../masking/create';
import type { MaskingStrategy } from '../masking/strategy';
import { detached } from '../nn/detached';
import { flatRows } from '../nn/patches';
import { sinCosPositions } from '../nn/positions';
import { decodeLatents, regressLatents, regressorSpecs, toDecoderWidth } from '../nn/regressor';
import { sliceRows, tableRows } from '../nn/rows';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { encode } from '../nn/vit';
import type { MethodTeacher } from '../teachers/sources';
import { reconstructionLoss } from './distances';
import type { LossAndReadings } from './method';
import { StudentMethod } from './student-method';
import { targetWidth, teacherFeatures } from './teacher-features';

/** Official `align_loss_weight`. */
const ALIGNMENT_WEIGHT = 2;

export interface CaeOptions {
  readonly student: VitShape;
  readonly teacher: MethodTeacher;
  readonly decoder: DecoderShape;
  readonly masking: MaskingConfig;
  readonly reconstruction: ReconstructionConfig;
  /** Patches that stay visible. */
  readonly keepCount: number;
}

export class Cae extends StudentMethod {
  readonly name = 'cae';
  private readonly masking: MaskingStrategy;
  private readonly patchCount: number;

  constructor(private readonly options: CaeOptions) {
    const { student, teacher, decoder, keepCount } = options;
    const grid = student.imageSize / student.patchSize;
    const masking = createMasking(options.masking, grid ** 2, keepCount);
    super({
      student,
      masking,
      heads: regressorSpecs(decoder, student.width, targetWidth(teacher)),
      constants: { ...teacher.constants, decoder_pos_embed: sinCosPositions(decoder.width, grid) },
    });
    this.masking = masking;
    this.patchCount = grid ** 2;
  }

  /**
   * Over the masked patches. Readings: `feature_loss` and `alignment_loss`, of which the loss is the weighted sum; `keepIds` int32
   * [B, keep]; `scores` [B, L] if the masking reads them.
   */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { teacher, decoder, reconstruction } = this.options;
    const images = tensorOf(batch, 'images');
    const { targets, scores } = teacherFeatures(teacher, constants, images, reconstruction, this.masking.readsScores);
    const { keepIds, maskedIds } = this.masking.split(batch, scores);
    const count = images.shape[0]!;
    const visible = this.latents(parameters, constants, images, keepIds, batch['drop_path']);
    const maskedPlaces = this.places(constants, maskedIds);
    const latents = regressLatents(parameters, decoder, { visible, visiblePlaces: this.places(constants, keepIds), maskedPlaces, batch: count });
    const wanted = detached(images, () => this.latents(parameters, constants, images, maskedIds));
    const predicted = decodeLatents(parameters, decoder, latents, maskedPlaces, count);
    const features = tf.gather(targets, flatRows(tf.add(maskedIds, tf.scalar(1, 'int32')), 1 + this.patchCount));
    const featureLoss = reconstructionLoss(reconstruction.loss, predicted, features);
    const alignmentLoss = reconstructionLoss('l2', latents, wanted);
    return {
      loss: tf.add(featureLoss, tf.mul(alignmentLoss, ALIGNMENT_WEIGHT)),
      readings: { feature_loss: featureLoss, alignment_loss: alignmentLoss, keepIds, ...(scores ? { scores } : {}) },
    };
  }

  /** What the encoder makes of some patches, without CLS, at the regressor's width, [B·K, Dd]. @param ids int32 [B, K] */
  private latents(parameters: Tensors, constants: Tensors, images: tf.Tensor, ids: tf.Tensor, dropPath?: tf.Tensor): tf.Tensor {
    const encoded = encode(parameters, tensorOf(constants, 'pos_embed'), this.options.student, { images, keepIds: ids, dropPath });
    const [count, patches] = ids.shape as [number, number];
    return toDecoderWidth(parameters, sliceRows(encoded, count, 1, patches));
  }

  private places(constants: Tensors, ids: tf.Tensor): tf.Tensor {
    return tableRows(tensorOf(constants, 'decoder_pos_embed'), tf.add(ids, tf.scalar(1, 'int32')));
  }
}
