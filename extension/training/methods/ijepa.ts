/**
 * I-JEPA: Self-Supervised Learning from Images with a Joint-Embedding Predictive Architecture (Assran et al., CVPR 2023, arXiv
 * 2301.08243), as the official code does it (facebookresearch/ijepa, src/train.py). The encoder sees a context; a narrow predictor
 * says, for several target blocks, what the moving average of the encoder makes of them on the whole image. Nothing is predicted
 * in pixels, and where a target is is all the predictor is told of it.
 *
 * The official encoder has no CLS token. Students here have one: it is encoded with the context, goes through the predictor with
 * it, and has no target.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { MultiBlockConfig } from '../../core/config/multi-block';
import type { DecoderShape, ReconstructionConfig, VitShape } from '../../core/config/schema';
import type { HostTensor, NamedSpecs } from '../../core/tensors';
import type { MultiBlockShape } from '../masking/multi-block';
import { drawMultiBlockBatch, multiBlockShape } from '../masking/multi-block';
import { dropPathDraws } from '../nn/drop-path';
import { flatRows } from '../nn/patches';
import { sinCosPositions } from '../nn/positions';
import { predictTargets, predictorSpecs } from '../nn/predictor';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { encode } from '../nn/vit';
import type { RandomStream } from '../random';
import type { MethodTeacher } from '../teachers/sources';
import { reconstructionLoss } from './distances';
import type { LossAndReadings } from './method';
import { StudentMethod } from './student-method';
import { targetWidth, teacherFeatures } from './teacher-features';

export interface IJepaOptions {
  readonly student: VitShape;
  readonly teacher: MethodTeacher;
  readonly predictor: DecoderShape;
  readonly masking: MultiBlockConfig;
  readonly reconstruction: ReconstructionConfig;
  /** Patches of a context. */
  readonly keepCount: number;
}

export class IJepa extends StudentMethod {
  readonly name = 'ijepa';
  private readonly blocks: MultiBlockShape;

  constructor(private readonly options: IJepaOptions) {
    const { student, teacher, predictor, masking } = options;
    const grid = student.imageSize / student.patchSize;
    super({
      student,
      heads: predictorSpecs(predictor, student.width, targetWidth(teacher)),
      constants: { ...teacher.constants, predictor_pos_embed: sinCosPositions(predictor.width, grid) },
    });
    this.blocks = multiBlockShape(grid, options.keepCount, masking);
  }

  /** Batch inputs `keep_ids` int32 [B, keep] and `target_ids` int32 [B, targets·size]. */
  override batchSpecs(microBatch: number): NamedSpecs {
    const { size, config } = this.blocks;
    return {
      ...super.batchSpecs(microBatch),
      keep_ids: { shape: [microBatch, this.options.keepCount], dtype: 'int32' },
      target_ids: { shape: [microBatch, config.num_pred_masks * size], dtype: 'int32' },
    };
  }

  override draw(random: RandomStream, microBatch: number): Record<string, HostTensor> {
    return { ...drawMultiBlockBatch(random, microBatch, this.blocks), ...dropPathDraws(random, this.options.student, microBatch) };
  }

  /** Over all patches of all targets. Reading: `keepIds` int32 [B, keep]. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { student, teacher, predictor, masking, reconstruction } = this.options;
    const images = tensorOf(batch, 'images');
    const keepIds = tensorOf(batch, 'keep_ids');
    const targetIds = tensorOf(batch, 'target_ids');
    const { targets } = teacherFeatures(teacher, constants, images, reconstruction);
    const encoded = encode(parameters, tensorOf(constants, 'pos_embed'), student, { images, keepIds, dropPath: batch['drop_path'] });
    const predicted = predictTargets(parameters, predictor, { encoded, keepIds, targetIds, targets: masking.num_pred_masks, positions: tensorOf(constants, 'predictor_pos_embed') });
    const asked = tf.gather(targets, flatRows(tf.add(targetIds, tf.scalar(1, 'int32')), 1 + this.blocks.grid ** 2));
    return { loss: reconstructionLoss(reconstruction.loss, predicted, asked), readings: { keepIds } };
  }
}
