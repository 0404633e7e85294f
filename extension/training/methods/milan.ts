/**
 * MILAN: Masked Image Pretraining on Language Assisted Representation (Hou et al., arXiv 2208.06049), as the official code and
 * MMPretrain do it. Decoder-style reconstruction of a teacher's features: what the teacher attends to is more likely to stay
 * visible, and a prompting decoder, in which visible tokens serve as fixed keys and values, predicts the teacher's last features.
 */
import type { DecoderShape, MaskingConfig, ReconstructionConfig, VitShape } from '../../core/config/schema';
import { createMasking } from '../masking/create';
import type { MaskingStrategy } from '../masking/strategy';
import { decoderPrediction, decoderSpecs, promptDecoder } from '../nn/decoder';
import { sinCosPositions } from '../nn/positions';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { encode } from '../nn/vit';
import type { MethodTeacher } from '../teachers/sources';
import { reconstructionLoss } from './distances';
import type { LossAndReadings } from './method';
import { StudentMethod } from './student-method';
import { inDecoderOrder, targetWidth, teacherFeatures } from './teacher-features';

export interface MilanOptions {
  readonly student: VitShape;
  readonly teacher: MethodTeacher;
  readonly decoder: DecoderShape;
  readonly masking: MaskingConfig;
  readonly reconstruction: ReconstructionConfig;
  /** Patches that stay visible. */
  readonly keepCount: number;
}

export class Milan extends StudentMethod {
  readonly name = 'milan';
  private readonly masking: MaskingStrategy;

  constructor(private readonly options: MilanOptions) {
    const { student, teacher, decoder, keepCount } = options;
    const grid = student.imageSize / student.patchSize;
    const masking = createMasking(options.masking, grid ** 2, keepCount);
    super({
      student,
      masking,
      heads: decoderSpecs(decoder, student.width, targetWidth(teacher)),
      constants: { ...teacher.constants, decoder_pos_embed: sinCosPositions(decoder.width, grid) },
    });
    this.masking = masking;
  }

  /** Over CLS and all patches, visible and masked. Readings: `keepIds` int32 [B, keep]; `scores` [B, L] if the masking reads them. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { student, teacher, decoder, reconstruction } = this.options;
    const images = tensorOf(batch, 'images');
    const { targets, scores } = teacherFeatures(teacher, constants, images, reconstruction, this.masking.readsScores);
    const { keepIds, maskedIds } = this.masking.split(batch, scores);
    const encoded = encode(parameters, tensorOf(constants, 'pos_embed'), student, { images, keepIds, dropPath: batch['drop_path'] });
    const decoded = promptDecoder(parameters, decoder, { encoded, keepIds, maskedIds, positions: tensorOf(constants, 'decoder_pos_embed') });
    const loss = reconstructionLoss(reconstruction.loss, decoderPrediction(parameters, decoded), inDecoderOrder(targets, keepIds, maskedIds));
    return { loss, readings: { keepIds, ...(scores ? { scores } : {}) } };
  }
}
