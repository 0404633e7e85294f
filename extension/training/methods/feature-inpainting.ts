/**
 * Inpainting-style prediction of a teacher's features, as MVP (Wei et al., ECCV 2022, arXiv 2203.05175) and EVA (Fang et al.,
 * CVPR 2023, arXiv 2211.07636) do it in BEiT's pipeline: mask tokens stand for the hidden blocks in the encoder, and a linear
 * layer predicts there what the teacher's last features of the whole image are. Their loss is the negative cosine; 2 − 2cos is the
 * same up to a factor and a constant, and is 0 where prediction and target agree.
 */
import type { MaskingConfig, ReconstructionConfig, VitShape } from '../../core/config/schema';
import { createMasking } from '../masking/create';
import type { MaskingStrategy } from '../masking/strategy';
import { linearOf, linearSpecs } from '../nn/linear';
import { indicator, sliceRows } from '../nn/rows';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { encode } from '../nn/vit';
import type { MethodTeacher } from '../teachers/sources';
import { reconstructionLoss } from './distances';
import type { LossAndReadings } from './method';
import { StudentMethod } from './student-method';
import { teacherFeatures } from './teacher-features';

export interface FeatureInpaintingOptions {
  readonly student: VitShape;
  readonly teacher: MethodTeacher;
  readonly masking: MaskingConfig;
  readonly reconstruction: ReconstructionConfig;
  /** Patches that stay visible. */
  readonly keepCount: number;
}

export class FeatureInpainting extends StudentMethod {
  readonly name = 'feature_inpainting';
  private readonly masking: MaskingStrategy;
  private readonly patchCount: number;

  constructor(private readonly options: FeatureInpaintingOptions) {
    const { student, teacher, keepCount } = options;
    const patchCount = (student.imageSize / student.patchSize) ** 2;
    const masking = createMasking(options.masking, patchCount, keepCount);
    super({
      student,
      masking,
      heads: { 'method.mask_token': { shape: [1, 1, student.width], dtype: 'float32' }, ...linearSpecs('method.lm_head', teacher.architecture.width, student.width) },
      constants: teacher.constants,
    });
    this.masking = masking;
    this.patchCount = patchCount;
  }

  /** Over the hidden patches. Readings: `keepIds` int32 [B, keep]; `scores` [B, L] if the masking reads them. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { student, teacher, reconstruction } = this.options;
    const images = tensorOf(batch, 'images');
    const { targets, scores } = teacherFeatures(teacher, constants, images, reconstruction, this.masking.readsScores);
    const { keepIds, maskedIds } = this.masking.split(batch, scores);
    const hidden = indicator(maskedIds, this.patchCount);
    const replaced = { hidden, maskToken: tensorOf(parameters, 'method.mask_token') };
    const encoded = encode(parameters, tensorOf(constants, 'pos_embed'), student, { images, replaced, dropPath: batch['drop_path'] });
    const patches = (rows: typeof encoded): typeof encoded => sliceRows(rows, images.shape[0]!, 1, this.patchCount);
    const predicted = linearOf(parameters, 'method.lm_head', patches(encoded));
    const loss = reconstructionLoss(reconstruction.loss, predicted, patches(targets), { counted: hidden, count: maskedIds.size });
    return { loss, readings: { keepIds, ...(scores ? { scores } : {}) } };
  }
}
