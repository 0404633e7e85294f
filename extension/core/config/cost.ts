/**
 * What a training step costs, in multiply-accumulates, by the shapes alone.
 *
 * Counted are the products of matrices: embedding, blocks, adaptors, the mixing of levels, decoders. A step is forward and
 * backward (three times forward) through what is trained, and forward through the teacher. All L patches are embedded,
 * as in the official code, and all M adaptors are counted, also those whose level has weight 0.
 */
import { hogNumbers } from './hog-size';
import { maskedCount, predictedCount } from './keep-count';
import { methodTraits, readsTeacher } from './method-traits';
import { multiBlockConfig, targetSizes } from './multi-block';
import { atRatio, stageRatios } from './ratio-stages';
import type { ResolvedExperiment, VitShape } from './schema';

const GIGA = 1e9;
const CHANNELS = 3;
/** Gradients to inputs and to weights cost one forward pass each. */
const FORWARD_AND_BACKWARD = 3;

/** A teacher's shape, and what its features are projected to, if they are. */
type TeacherSize = VitShape & { readonly projection?: number };

/** GMAC per image. */
export interface Cost {
  /** Forward through the student, on what it sees. */
  readonly student: number;
  /** Forward through the frozen teacher, on the whole image, and for CAE through the encoder on the masked patches; 0 without one. */
  readonly teacher: number;
  /** Forward through what follows the student: adaptors and the mixing of levels, a decoder, a linear head. */
  readonly heads: number;
  /** One training step. */
  readonly step: number;
}

/**
 * Where the mask ratio changes over the training, the mean.
 * @param teacher its shape; without it, a teacher of the student's shape is assumed
 */
export function gmacPerImage(resolved: ResolvedExperiment, teacher: TeacherSize = resolved.student): Cost {
  const ratios = stageRatios(resolved.masking);
  if (ratios.length === 1) return costAtRatio(resolved, teacher);
  const costs = ratios.map((ratio) => costAtRatio(atRatio(resolved, ratio), teacher));
  const mean = (of: (cost: Cost) => number): number => costs.reduce((sum, cost) => sum + of(cost), 0) / costs.length;
  return { student: mean(({ student }) => student), teacher: mean((cost) => cost.teacher), heads: mean(({ heads }) => heads), step: mean(({ step }) => step) };
}

function costAtRatio(resolved: ResolvedExperiment, teacher: TeacherSize): Cost {
  const { student: shape, derived, method } = resolved;
  const seen = methodTraits[method].encoder === 'visible' ? derived.keepCount : derived.patchCount;
  const student = vitMacs(shape, seen) / GIGA;
  const heads = headMacs(resolved, teacher) / GIGA;
  // The teacher sees as many patches as the student has, whatever its own patch size.
  const ownTarget = methodTraits[method].decoder === 'regressor' ? vitMacs(shape, derived.patchCount - derived.keepCount) : 0;
  const teacherCost = readsTeacher(resolved) ? (vitMacs(teacher, derived.patchCount, derived.patchCount) + projectionMacs(teacher, derived.patchCount) + ownTarget) / GIGA : 0;
  return { student, teacher: teacherCost, heads, step: FORWARD_AND_BACKWARD * (student + heads) + teacherCost };
}

/** Of one level, which is all that most methods read. */
function projectionMacs({ width, projection = 0 }: TeacherSize, patches: number): number {
  return (patches + 1) * width * projection;
}

/** The classifier of `supervised` is not counted: its classes are not known, and it is one row a class. */
function headMacs(resolved: ResolvedExperiment, teacher: TeacherSize): number {
  const { student, derived: { patchCount }, method } = resolved;
  const { decoder, target } = methodTraits[method];
  if (decoder === 'adaptors') return alignmentMacs(resolved, teacher);
  if (target === 'labels') return 0;
  const outputs = predictedNumbers(resolved, teacher);
  if (decoder === 'level-heads') return (resolved.reconstruction?.return_layer ?? 1) * resolved.derived.keepCount * student.width * outputs;
  if (decoder === 'linear') return patchCount * student.width * outputs;
  if (decoder === 'regressor') return regressorMacs(resolved, outputs);
  if (decoder === 'predictor') return predictorMacs(resolved, outputs);
  return decoder === 'cross' ? crossDecoderMacs(resolved, outputs) : decoderMacs(resolved, outputs);
}

/** Of one patch. */
function predictedNumbers({ student: { patchSize }, reconstruction, codebook, method }: ResolvedExperiment, teacher: TeacherSize): number {
  const { target } = methodTraits[method];
  if (target === 'pixels') return CHANNELS * patchSize ** 2;
  if (target === 'hog') return hogNumbers(patchSize, reconstruction!);
  return codebook?.size ?? teacher.projection ?? teacher.width;
}

/** Embedding of the visible tokens, blocks of mlp_ratio 4, prediction. A prompting decoder updates the masked tokens alone. */
function decoderMacs({ student, decoder, masking, derived: { patchCount, keepCount }, method }: ResolvedExperiment, outputs: number): number {
  if (!decoder) return 0;
  const { width, depth } = decoder;
  const prompted = methodTraits[method].decoder === 'prompt';
  const masked = maskedCount(masking, patchCount, keepCount);
  const tokens = keepCount + masked + 1;
  const updated = prompted ? masked : tokens;
  // Keys and values of every token, queries, projection and MLP of those updated.
  const block = (2 * tokens + 10 * updated) * width ** 2 + 2 * tokens * updated * width;
  // MAE predicts at the masked tokens, which alone have a loss; MILAN at all.
  const predicted = prompted ? tokens : masked;
  return (keepCount + 1) * student.width * width + depth * block + predicted * width * outputs;
}

/** Regressor blocks, whose masked tokens ask all, then decoder blocks among the masked ones. */
function regressorMacs({ student, decoder, derived: { patchCount, keepCount } }: ResolvedExperiment, outputs: number): number {
  if (!decoder) return 0;
  const { width, depth } = decoder;
  const masked = patchCount - keepCount;
  const regressor = (10 * masked + 2 * patchCount) * width ** 2 + 2 * masked * patchCount * width;
  const block = 12 * masked * width ** 2 + 2 * masked ** 2 * width;
  const projection = width === student.width ? 0 : keepCount * student.width * width;
  return projection + depth * (regressor + block) + masked * width * outputs;
}

/** The context is embedded once and goes through the blocks with every target. */
function predictorMacs({ student, decoder, masking, derived: { patchCount, keepCount } }: ResolvedExperiment, outputs: number): number {
  if (!decoder) return 0;
  const { width, depth } = decoder;
  const config = multiBlockConfig(masking);
  const size = targetSizes(Math.sqrt(patchCount), config).smallest;
  const tokens = keepCount + 1 + size;
  const block = 12 * tokens * width ** 2 + 2 * tokens ** 2 * width;
  return (keepCount + 1) * student.width * width + config.num_pred_masks * (depth * block + size * width * outputs);
}

/** Of every block the mixture of the encoder's levels, keys and values of the visible tokens, and the tokens that are predicted. */
function crossDecoderMacs({ student, decoder, masking, derived: { patchCount, keepCount } }: ResolvedExperiment, outputs: number): number {
  if (!decoder) return 0;
  const { width, depth } = decoder;
  const context = keepCount + 1;
  const predicted = predictedCount(patchCount, keepCount, masking.ratio, decoder.kept_mask_ratio ?? masking.ratio);
  const mixture = context * student.width * (student.depth + 1);
  const block = mixture + 2 * context * student.width * width + 10 * predicted * width ** 2 + 2 * predicted * context * width;
  return depth * block + predicted * width * outputs;
}

/**
 * Forward multiply-accumulates of a vision transformer: N·(4 + 2·mlp_ratio)·D² + 2·N²·D a block for N tokens.
 *
 * @param seen patches that enter the blocks, beside the CLS token
 * @param embedded patches that are embedded; by default those of the whole image
 */
export function vitMacs(shape: VitShape, seen: number, embedded = (shape.imageSize / shape.patchSize) ** 2): number {
  const { width, depth, mlpRatio, patchSize } = shape;
  const tokens = seen + 1;
  const block = tokens * (4 + 2 * mlpRatio) * width ** 2 + 2 * tokens ** 2 * width;
  return depth * block + embedded * CHANNELS * patchSize ** 2 * width;
}

function alignmentMacs({ student, alignment, derived }: ResolvedExperiment, teacher: TeacherSize): number {
  const tokens = derived.keepCount + 1;
  const levels = teacher.depth;
  const hidden = alignment.adaptor === 'mlp' || alignment.adaptor === 'mlp2' ? student.width ** 2 : 0;
  const adapt = hidden + student.width * teacher.width;
  const mixedWidth = alignment.order === 'mix-then-adapt' ? student.width : teacher.width;
  const mix = alignment.fusion === 'simple' ? 0 : student.depth * mixedWidth;
  return levels * tokens * (adapt + mix);
}
