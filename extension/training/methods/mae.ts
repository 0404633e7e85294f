/**
 * MAE: Masked Autoencoders Are Scalable Vision Learners (He et al., CVPR 2022, arXiv 2111.06377), as the official code does
 * it (facebookresearch/mae, models_mae.py). Decoder-style reconstruction: the encoder sees the visible patches alone; a small
 * transformer decoder is given mask tokens in the places of the others and predicts their pixels.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { DecoderShape, MaskingConfig, ReconstructionConfig, VitShape } from '../../core/config/schema';
import { createMasking } from '../masking/create';
import type { MaskingStrategy, Split } from '../masking/strategy';
import { decoderPrediction, decoderSpecs, selfDecoder } from '../nn/decoder';
import { sinCosPositions } from '../nn/positions';
import { sliceRows } from '../nn/rows';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { encode } from '../nn/vit';
import type { MethodTeacher } from '../teachers/sources';
import { runTeacher } from '../teachers/teacher';
import { reconstructionLoss } from './distances';
import type { LossAndReadings, Reconstruction } from './method';
import { maskedPixels, pixelReconstruction } from './pixel-targets';
import { StudentMethod } from './student-method';

export interface MaeOptions {
  readonly student: VitShape;
  readonly decoder: DecoderShape;
  readonly masking: MaskingConfig;
  readonly reconstruction: ReconstructionConfig;
  /** Patches that stay visible. */
  readonly keepCount: number;
  /** Whose attention draws the masks, as the student's own does in AMT; it gives no targets. */
  readonly teacher?: MethodTeacher;
}

export class Mae extends StudentMethod {
  readonly name = 'mae';
  private readonly masking: MaskingStrategy;

  constructor(private readonly options: MaeOptions) {
    const { student, decoder, keepCount, teacher } = options;
    const grid = student.imageSize / student.patchSize;
    const masking = createMasking(options.masking, grid ** 2, keepCount);
    super({
      student,
      masking,
      heads: decoderSpecs(decoder, student.width, 3 * student.patchSize ** 2),
      constants: { decoder_pos_embed: sinCosPositions(decoder.width, grid), ...teacher?.constants },
    });
    this.masking = masking;
  }

  /** Mean squared error of the masked patches. Readings: `keepIds` int32 [B, keep]; `scores` [B, L] if the masking reads them. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const scores = this.scores(batch, constants);
    const split = this.masking.split(batch, scores);
    const predicted = this.predict(parameters, batch, constants, split);
    const target = maskedPixels(tensorOf(batch, 'images'), split, this.options);
    return { loss: reconstructionLoss(this.options.reconstruction.loss, predicted, target), readings: { keepIds: split.keepIds, ...(scores ? { scores } : {}) } };
  }

  reconstruct(parameters: Tensors, batch: Tensors, constants: Tensors): Reconstruction {
    const split = this.masking.split(batch, this.scores(batch, constants));
    return pixelReconstruction(this.predict(parameters, batch, constants, split), split, this.options);
  }

  /** CLS attention of the teacher's last block, [B, L]. */
  private scores(batch: Tensors, constants: Tensors): tf.Tensor | undefined {
    const { teacher } = this.options;
    if (!teacher || !this.masking.readsScores) return undefined;
    return runTeacher(teacher.select(constants), teacher.architecture, tensorOf(batch, 'images'), { levels: [], scores: true, keep: () => undefined }).scores;
  }

  /** Pixels of the masked patches, [B·M, P·P·3], in the order (y, x, channel). */
  private predict(parameters: Tensors, batch: Tensors, constants: Tensors, { keepIds, maskedIds }: Split): tf.Tensor {
    const { student, decoder } = this.options;
    const encoded = encode(parameters, tensorOf(constants, 'pos_embed'), student, { images: tensorOf(batch, 'images'), keepIds, dropPath: batch['drop_path'] });
    const decoded = selfDecoder(parameters, decoder, { encoded, keepIds, maskedIds, positions: tensorOf(constants, 'decoder_pos_embed') });
    const [images, masked] = maskedIds.shape as [number, number];
    return decoderPrediction(parameters, sliceRows(decoded, images, 1 + keepIds.shape[1]!, masked));
  }
}
