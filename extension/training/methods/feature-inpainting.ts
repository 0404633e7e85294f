/**
 * Inpainting-style prediction of a teacher's features, as MVP (Wei et al., ECCV 2022, arXiv 2203.05175) and EVA (Fang et al.,
 * CVPR 2023, arXiv 2211.07636) do it in BEiT's pipeline: mask tokens stand for the hidden blocks in the encoder, and a linear
 * layer predicts there what the teacher's last features of the whole image are. Their loss is the negative cosine; 2 − 2cos is the
 * same up to a factor and a constant, and is 0 where prediction and target agree.
 */
import type { ReconstructionConfig } from '../../core/config/schema';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import type { MethodTeacher } from '../teachers/sources';
import { reconstructionLoss } from './distances';
import type { InpaintingOptions } from './inpainting-method';
import { InpaintingMethod } from './inpainting-method';
import type { LossAndReadings } from './method';
import { targetWidth, teacherFeatures } from './teacher-features';

export interface FeatureInpaintingOptions extends InpaintingOptions {
  readonly teacher: MethodTeacher;
  readonly reconstruction: ReconstructionConfig;
}

export class FeatureInpainting extends InpaintingMethod {
  readonly name = 'feature_inpainting';

  constructor(private readonly options: FeatureInpaintingOptions) {
    super(options, { name: 'method.lm_head', outputs: targetWidth(options.teacher) }, { constants: options.teacher.constants });
  }

  /** Over the hidden patches. Readings: `keepIds` int32 [B, keep]; `scores` [B, L] if the masking reads them. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { teacher, reconstruction } = this.options;
    const { targets, scores } = teacherFeatures(teacher, constants, tensorOf(batch, 'images'), reconstruction, this.masking.readsScores);
    const { keepIds, maskedIds } = this.masking.split(batch, scores);
    const { predicted, where } = this.inpaint(parameters, batch, constants, maskedIds);
    const loss = reconstructionLoss(reconstruction.loss, predicted, this.patchRows(targets), where);
    return { loss, readings: { keepIds, ...(scores ? { scores } : {}) } };
  }
}
