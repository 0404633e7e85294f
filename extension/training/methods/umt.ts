/**
 * UMT, its image variant: Unmasked Teacher (Li et al., ICCV 2023, arXiv 2303.16058), as the official code does it
 * (OpenGVLab/unmasked_teacher, single_modality) for one frame. Like MaskAlign it gives the student the patches a teacher attends
 * to and aligns them with the teacher's features; unlike it, last blocks are paired one to one, without mixing, and features are
 * compared after the norms: the student's final norm is that of every level, and the teacher's that of every target.
 *
 * CLS goes along, for the official student has none, and has no target.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { MaskingConfig, ReconstructionConfig, VitShape } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import type { NamedSpecs } from '../../core/tensors';
import { createMasking } from '../masking/create';
import type { MaskingStrategy } from '../masking/strategy';
import { layerNormOf, layerNormSpecs } from '../nn/layer-norm';
import { linearOf, linearSpecs } from '../nn/linear';
import { sliceRows, tableRows } from '../nn/rows';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { hiddenStates } from '../nn/vit';
import type { MethodTeacher } from '../teachers/sources';
import { runTeacher } from '../teachers/teacher';
import { meanCosine, reconstructionLoss } from './distances';
import type { LossAndReadings } from './method';
import { StudentMethod } from './student-method';
import { normaliseTokens } from './target-norm';
import { lastFeatures, targetWidth } from './teacher-features';

const NORM_EPS = 1e-6;
/** Of the decoders, PyTorch's own. */
const DECODER_NORM_EPS = 1e-5;

export interface UmtOptions {
  readonly student: VitShape;
  readonly teacher: MethodTeacher;
  readonly masking: MaskingConfig;
  /** Patches that stay visible. */
  readonly keepCount: number;
  /** With `return_layer` filled in. */
  readonly reconstruction: ReconstructionConfig;
}

export class Umt extends StudentMethod {
  readonly name = 'umt';
  private readonly masking: MaskingStrategy;
  /** Pairs of blocks, that is how many of the last of student and teacher. */
  private readonly pairs: number;

  /** @throws UserError MIM5003 if student or teacher has fewer blocks than are to be aligned */
  constructor(private readonly options: UmtOptions) {
    const { student, teacher, masking: config, keepCount, reconstruction } = options;
    const { depth } = teacher.architecture;
    const width = targetWidth(teacher);
    const pairs = reconstruction.return_layer ?? 1;
    if (pairs > Math.min(depth, student.depth)) {
      throw new UserError('MIM5003', `reconstruction.return_layer is ${pairs}, but the ${depth < student.depth ? 'teacher' : 'student'} has ${Math.min(depth, student.depth)} blocks.`, `Use at most ${Math.min(depth, student.depth)}.`);
    }
    const masking = createMasking(config, (student.imageSize / student.patchSize) ** 2, keepCount);
    const heads: NamedSpecs[] = Array.from({ length: pairs }, (_, k) => ({ ...linearSpecs(`${decoderName(k)}.head`, width, student.width), ...layerNormSpecs(`${decoderName(k)}.norm`, width) }));
    super({ student, masking, heads: Object.assign({}, ...heads) as NamedSpecs, constants: teacher.constants });
    this.masking = masking;
    this.pairs = pairs;
  }

  /**
   * Over the visible patches of every pair. Readings: `level_losses` and `level_cosines` [K], the last pair last;
   * `keepIds` int32 [B, keep]; `scores` [B, L] if the masking reads them.
   */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { student, reconstruction } = this.options;
    const images = tensorOf(batch, 'images');
    const { targets, scores, keepIds } = this.teacherTargets(images, batch, constants);
    const positions = tensorOf(constants, 'pos_embed');
    const hidden = hiddenStates(parameters, positions, student, { images, keepIds, dropPath: batch['drop_path'] });
    const predictions = hidden.slice(-this.pairs).map((state, k) => this.decode(parameters, k, state, positions, keepIds));
    const levelLosses = predictions.map((predicted, k) => reconstructionLoss(reconstruction.loss, predicted, targets[k]!));
    return {
      loss: tf.div(levelLosses.reduce((sum, term) => tf.add(sum, term)), this.pairs) as tf.Scalar,
      readings: {
        level_losses: tf.stack(levelLosses),
        level_cosines: tf.stack(predictions.map((predicted, k) => meanCosine(predicted, targets[k]!))),
        keepIds,
        ...(scores ? { scores } : {}),
      },
    };
  }

  /** Of the visible patches, after the teacher's final norm, [B·keep, D_T or E] a pair. */
  private teacherTargets(images: tf.Tensor, batch: Tensors, constants: Tensors): { targets: tf.Tensor[]; scores?: tf.Tensor; keepIds: tf.Tensor } {
    const { teacher, reconstruction: { target_norm: norm = 'none' }, keepCount } = this.options;
    const { architecture } = teacher;
    const tensors = teacher.select(constants);
    const levels = Array.from({ length: this.pairs }, (_, k) => architecture.depth - this.pairs + k);
    let keepIds: tf.Tensor | undefined;
    const { targets, scores } = runTeacher(tensors, architecture, images, { levels, scores: this.masking.readsScores, keep: (found) => (keepIds = this.masking.keepIds(batch, found)) });
    const visible = targets.map((target) => sliceRows(target, images.shape[0]!, 1, keepCount));
    return { targets: visible.map((target) => normaliseTokens(norm, lastFeatures(teacher, tensors, target))), scores, keepIds: keepIds! };
  }

  /** LN(Linear(norm(h) + position)). @param state [B·(1+keep), D]; @returns [B·keep, D_T] */
  private decode(parameters: Tensors, pair: number, state: tf.Tensor, positions: tf.Tensor, keepIds: tf.Tensor): tf.Tensor {
    const patches = sliceRows(state, keepIds.shape[0]!, 1, this.options.keepCount);
    const placed = tf.add(layerNormOf(parameters, 'norm', patches, NORM_EPS), tableRows(positions, tf.add(keepIds, tf.scalar(1, 'int32'))));
    const name = decoderName(pair);
    return layerNormOf(parameters, `${name}.norm`, linearOf(parameters, `${name}.head`, placed), DECODER_NORM_EPS);
  }
}

function decoderName(pair: number): string {
  return `method.clip_decoder.${pair}`;
}
