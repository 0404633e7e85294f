/**
 * FD: Contrastive Learning Rivals Masked Image Modeling in Fine-tuning via Feature Distillation (Wei et al., arXiv 2205.14141),
 * as the official code does it (SwinTransformer/Feature-Distillation). Nothing is hidden: every token of the student, after its
 * final norm and one linear layer (the 1×1 convolution), learns the whitened last features of the teacher.
 *
 * MaskAlign at a mask ratio of 0 is its relative with several levels. The student here has fixed sin-cos positions instead of
 * the official shared relative position bias.
 */
import type { ReconstructionConfig, VitShape } from '../../core/config/schema';
import { linearOf, linearSpecs } from '../nn/linear';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { encode } from '../nn/vit';
import type { MethodTeacher } from '../teachers/sources';
import { meanCosine, reconstructionLoss } from './distances';
import type { LossAndReadings } from './method';
import { StudentMethod } from './student-method';
import { targetWidth, teacherFeatures } from './teacher-features';

export interface FeatureDistillationOptions {
  readonly student: VitShape;
  readonly teacher: MethodTeacher;
  readonly reconstruction: ReconstructionConfig;
}

export class FeatureDistillation extends StudentMethod {
  readonly name = 'feature_distillation';

  constructor(private readonly options: FeatureDistillationOptions) {
    const { student, teacher } = options;
    super({ student, heads: linearSpecs('method.decoder', targetWidth(teacher), student.width), constants: teacher.constants });
  }

  /** Over CLS and all patches. Reading: `cosine` between prediction and target. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { student, teacher, reconstruction } = this.options;
    const images = tensorOf(batch, 'images');
    const { targets } = teacherFeatures(teacher, constants, images, reconstruction);
    const encoded = encode(parameters, tensorOf(constants, 'pos_embed'), student, { images, dropPath: batch['drop_path'] });
    const predicted = linearOf(parameters, 'method.decoder', encoded);
    return { loss: reconstructionLoss(reconstruction.loss, predicted, targets), readings: { cosine: meanCosine(predicted, targets) } };
  }
}
