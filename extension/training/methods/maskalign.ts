/**
 * MaskAlign: Stare at What You See: Masked Image Modeling without Reconstruction (Xue et al., CVPR 2023,
 * arXiv 2211.08887), as the official code does it (OpenDriveLab/maskalign, models_pretrain.py).
 *
 * A student that sees some patches learns to produce, at those patches and CLS, the features of a frozen teacher that
 * saw the whole image. Nothing is reconstructed; there is no decoder and no mask token.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { AlignmentConfig, MaskingConfig, VitShape } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import type { HostTensor, NamedSpecs, NamedTensors } from '../../core/tensors';
import type { BatchSpecs } from '../engines/engine';
import { createMasking } from '../masking/create';
import { keepCount } from '../../core/config/keep-count';
import { readsAttention } from '../../core/config/method-traits';
import type { MaskingStrategy } from '../masking/strategy';
import { dropPathDraws, dropPathSpecs } from '../nn/drop-path';
import { initialTensors } from '../nn/initialise';
import { sinCosPositions } from '../nn/positions';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { hiddenStates, vitSpecs } from '../nn/vit';
import type { RandomStream } from '../random';
import type { MethodTeacher } from '../teachers/sources';
import type { TeacherResult } from '../teachers/teacher';
import { runTeacher, teacherFromLook } from '../teachers/teacher';
import { adapt, adaptorSpecs } from './adaptors';
import { ALIGNMENT_WEIGHTS, alignmentSpecs, checkDepths, initialAlignment, mixLevels } from './dynamic-alignment';
import { distance, meanCosine } from './distances';
import { levelWeights } from './levels';
import type { Looking, LossAndReadings, Method } from './method';
import { normaliseTensor, normaliseTokens } from './target-norm';

interface MaskAlignOptions {
  readonly student: VitShape;
  readonly teacher: MethodTeacher;
  readonly masking: MaskingConfig;
  readonly alignment: AlignmentConfig;
}

/** What is compared with what, for every level in the order of `levels`, at [CLS; visible patches]. */
export interface AlignedLevels {
  /** h_1, …: raw outputs of the student's blocks that the loss reads, [B·(1+keep), D] each. */
  readonly hidden: readonly tf.Tensor[];
  /** ŷ_i, [B·(1+keep), D_T] each. */
  readonly aligned: readonly tf.Tensor[];
  /** ȳ_i, [B·(1+keep), D_T] each. */
  readonly targets: readonly tf.Tensor[];
  /** int32 [B, keep]; absent if all patches are visible. */
  readonly keepIds?: tf.Tensor;
  /** The teacher's CLS attention, [B, L], if the masking reads it or it was asked for. */
  readonly scores?: tf.Tensor;
}

export class MaskAlign implements Method {
  readonly name = 'maskalign';
  readonly parameters: NamedSpecs;
  readonly constants: NamedTensors;
  /** Teacher blocks with a weight in the loss, 0-based: the entries of the reading `level_losses`. */
  readonly levels: readonly number[];

  private readonly weights: readonly number[];
  private readonly patchCount: number;
  private readonly masking: MaskingStrategy | undefined;
  /** Student blocks the loss reads. */
  private readonly studentDepth: number;
  /** Of the adaptors, one a teacher level, or one a student level if they come before the mixing. */
  private readonly usedAdaptors: readonly number[];

  /** @param looked the batch holds what the teacher said, see `looking` */
  constructor(
    private readonly options: MaskAlignOptions,
    private readonly looked = false,
  ) {
    const { student, teacher, masking, alignment } = options;
    const teacherDepth = teacher.architecture.depth;
    checkDepths(alignment.fusion, student.depth, teacherDepth);
    this.weights = levelWeights(alignment.levels, teacherDepth);
    this.levels = this.weights.flatMap((weight, level) => (weight === 0 ? [] : [level]));
    this.patchCount = (student.imageSize / student.patchSize) ** 2;
    const keep = keepCount(this.patchCount, masking.ratio);
    if (keep === 0) {
      throw new UserError('MIM5005', `masking.ratio ${masking.ratio} leaves none of the ${this.patchCount} patches visible.`, 'Use a smaller ratio, or smaller patches.');
    }
    this.masking = keep === this.patchCount ? undefined : createMasking(masking, this.patchCount, keep);

    const mixes = alignment.fusion !== 'simple';
    const adaptsFirst = alignment.order === 'adapt-then-mix';
    this.studentDepth = mixes ? student.depth : Math.max(...this.levels) + 1;
    this.usedAdaptors = adaptsFirst && mixes ? Array.from({ length: student.depth }, (_, j) => j) : this.levels;
    const adaptorCount = adaptsFirst ? student.depth : teacherDepth;
    const adaptors = Array.from({ length: adaptorCount }, (_, i) => adaptorSpecs(alignment.adaptor, adaptorName(i), student.width, teacher.architecture.width));
    this.parameters = Object.assign(vitSpecs(student), ...adaptors, alignmentSpecs(alignment.fusion, student.depth, teacherDepth)) as NamedSpecs;
    this.constants = { pos_embed: sinCosPositions(student.width, student.imageSize / student.patchSize), ...(looked ? {} : teacher.constants) };
  }

  /** Not of a teacher that changes, nor where a target's normalisation reads the whole batch. */
  get looking(): Looking | undefined {
    const { teacher, alignment } = this.options;
    if (Object.keys(teacher.constants).length === 0 || alignment.target_norm === 'bn') return undefined;
    return {
      // Where the mask ratio changes, other stages may read the scores though this one does not.
      specs: (microBatch) => this.lookSpecs(microBatch, readsAttention(this.options.masking.strategy)),
      look: (images, constants) => this.look(images, constants),
      constants: teacher.constants,
      method: new MaskAlign(this.options, true),
    };
  }

  private lookSpecs(microBatch: number, scored: boolean): BatchSpecs {
    const { patchCount } = this;
    const features = this.levels.map((level) => [lookLevel(level), { shape: [microBatch, 1 + patchCount, this.options.teacher.architecture.width], dtype: 'float16' as const }]);
    return {
      ...(scored ? { [LOOK_SCORES]: { shape: [microBatch, patchCount], dtype: 'float32' as const } } : {}),
      ...(Object.fromEntries(features) as BatchSpecs),
    };
  }

  private look(images: tf.Tensor, constants: Tensors): Record<string, tf.Tensor> {
    const { teacher } = this.options;
    const scored = readsAttention(this.options.masking.strategy);
    const specs = this.lookSpecs(images.shape[0]!, scored);
    const { targets, scores } = runTeacher(teacher.select(constants), teacher.architecture, images, { levels: this.levels, scores: scored, keep: () => undefined });
    const features = targets.map((target, k): [string, tf.Tensor] => [lookLevel(this.levels[k]!), tf.reshape(target, [...specs[lookLevel(this.levels[k]!)]!.shape])]);
    return { ...(scores ? { [LOOK_SCORES]: scores } : {}), ...(Object.fromEntries(features) as Record<string, tf.Tensor>) };
  }

  initialise(random: RandomStream): NamedTensors {
    const { student, teacher, alignment } = this.options;
    return { ...initialTensors(random, this.parameters), ...initialAlignment(alignment.fusion, student.depth, teacher.architecture.depth) };
  }

  /** The alignment weights, biases and norms are not decayed; the CLS token is, as in MAE. */
  decays(name: string, shape: readonly number[]): boolean {
    return shape.length > 1 && name !== ALIGNMENT_WEIGHTS;
  }

  /** Not read, in the official code neither: the final norm and the adaptors of levels without weight. */
  reads(name: string): boolean {
    if (name.startsWith('norm.')) return false;
    const [, kind, index] = /^(blocks|method\.adaptors)\.(\d+)\./.exec(name) ?? [];
    if (kind === 'blocks') return Number(index) < this.studentDepth;
    return kind === undefined || this.usedAdaptors.includes(Number(index));
  }

  batchSpecs(microBatch: number): BatchSpecs {
    const { imageSize } = this.options.student;
    return {
      images: { shape: [microBatch, 3, imageSize, imageSize], dtype: 'float32' },
      ...(this.looked ? this.lookSpecs(microBatch, this.masking?.readsScores ?? false) : {}),
      ...this.masking?.specs(microBatch),
      ...dropPathSpecs(this.options.student, microBatch),
    };
  }

  draw(random: RandomStream, microBatch: number): Record<string, HostTensor> {
    return { ...this.masking?.draw(random, microBatch), ...dropPathDraws(random, this.options.student, microBatch) };
  }

  /**
   * Readings: `level_losses` and `level_cosines` [K] in the order of `levels`; `keepIds` int32 [B, keep], the visible patches;
   * `scores` [B, L], the teacher's CLS attention, if the masking reads it.
   */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { aligned, targets, keepIds, scores } = this.align(parameters, batch, constants);
    const levelLosses = aligned.map((features, k) => distance(this.options.alignment.loss, features, targets[k]!));
    const weighted = levelLosses.map((levelLoss, k) => tf.mul(levelLoss, this.weights[this.levels[k]!]!));
    return {
      loss: weighted.reduce((sum, term) => tf.add(sum, term)) as tf.Scalar,
      readings: {
        level_losses: tf.stack(levelLosses),
        level_cosines: tf.stack(aligned.map((features, k) => meanCosine(features, targets[k]!))),
        keepIds: keepIds ?? this.everyPatch(tensorOf(batch, 'images').shape[0]!),
        ...(scores ? { scores } : {}),
      },
    };
  }

  /** What the loss compares. @param scored also the teacher's attention where the masking does not read it */
  align(parameters: Tensors, batch: Tensors, constants: Tensors, scored = false): AlignedLevels {
    const images = tensorOf(batch, 'images');
    const { targets, keepIds, scores } = this.teacherTargets(images, batch, constants, scored);
    const hidden = hiddenStates(parameters, tensorOf(constants, 'pos_embed'), this.options.student, { images, keepIds, dropPath: batch['drop_path'] }, this.studentDepth);
    return { hidden, aligned: this.dynamicAlignment(parameters, hidden), targets, keepIds, scores };
  }

  /** Whole image through the teacher; which patches stay visible; normalised targets ȳ_i at CLS and those patches. */
  private teacherTargets(images: tf.Tensor, batch: Tensors, constants: Tensors, scored: boolean): TeacherResult {
    const { teacher, alignment } = this.options;
    const targetNorm = alignment.target_norm;
    const result = this.looked ? this.fromLook(batch) : runTeacher(teacher.select(constants), teacher.architecture, images, {
      levels: this.levels,
      scores: scored || (this.masking?.readsScores ?? false),
      keep: (scores) => this.masking?.keepIds(batch, scores),
      ...(targetNorm === 'bn' ? { wholeTargets: normaliseTensor } : {}),
    });
    return targetNorm === 'bn' ? result : { ...result, targets: result.targets.map((target) => normaliseTokens(targetNorm, target)) };
  }

  private fromLook(batch: Tensors): TeacherResult {
    const targets = this.levels.map((level) => {
      const look = tensorOf(batch, lookLevel(level));
      return tf.reshape(look, [-1, look.shape[2]!]);
    });
    return teacherFromLook({ targets, scores: batch[LOOK_SCORES] }, tensorOf(batch, 'images').shape[0]!, { keep: (scores) => this.masking?.keepIds(batch, scores) });
  }

  /** ŷ_i for every weighted level, [B·(1+keep), D_T]: A_i(Σ_j W_ij·h_j), or Σ_j W_ij·A_j(h_j) as in the paper's figure. */
  private dynamicAlignment(parameters: Tensors, hidden: readonly tf.Tensor[]): tf.Tensor[] {
    const { fusion, order, adaptor } = this.options.alignment;
    const adaptWith = (i: number, x: tf.Tensor): tf.Tensor => adapt(parameters, adaptor, adaptorName(i), x);
    if (fusion === 'simple') return this.levels.map((level) => adaptWith(level, hidden[level]!));
    if (order === 'adapt-then-mix') return mixLevels(parameters, hidden.map((h, j) => adaptWith(j, h)), this.levels);
    return mixLevels(parameters, hidden, this.levels).map((mixed, k) => adaptWith(this.levels[k]!, mixed));
  }

  private everyPatch(batch: number): tf.Tensor {
    return tf.tensor2d(Int32Array.from({ length: batch * this.patchCount }, (_, i) => i % this.patchCount), [batch, this.patchCount], 'int32');
  }
}

/** Batch entries that hold what the teacher said. */
const LOOK_SCORES = 'look.scores';

function lookLevel(level: number): string {
  return `look.${level}`;
}

function adaptorName(index: number): string {
  return `method.adaptors.${index}`;
}
