/** The frozen teacher's side of a step: whole image in, targets of the visible tokens and CLS attention out. */
import * as tf from '@tensorflow/tfjs-core';
import { clsAttention, partialAttention } from '../nn/attention';
import type { Architecture } from '../nn/block';
import { block, layerScaled, mlp } from '../nn/block';
import type { EncoderFeatures, EncoderOptions } from '../nn/encoder';
import { embedImages, encodeImages, leadingTokens } from '../nn/encoder';
import { layerNormOf } from '../nn/layer-norm';
import { flatRows } from '../nn/patches';
import type { Tensors } from '../nn/tensors';
import { resizeImages } from './resize-images';

interface TeacherTask {
  /** Blocks whose raw outputs are targets, 0-based, ascending. */
  readonly levels: readonly number[];
  /** Whether the CLS attention of the last block is wanted. */
  readonly scores: boolean;
  /** Chooses the visible patches, int32 [B, K], once the scores are known; undefined keeps all. */
  keep(scores: tf.Tensor | undefined): tf.Tensor | undefined;
  /** Compute targets of all tokens, because their normalisation reads the whole tensor; visible ones are gathered after it. */
  readonly wholeTargets?: (target: tf.Tensor) => tf.Tensor;
}

export interface TeacherResult {
  /** Raw block outputs at [CLS; visible patches], [B·(1+K), D_T] each, in the order of `levels`. */
  readonly targets: tf.Tensor[];
  /** [B, L] */
  readonly scores?: tf.Tensor;
  /** int32 [B, K]; absent if all patches are visible. */
  readonly keepIds?: tf.Tensor;
}

/** Images as the teacher expects them: its size, its normalisation. Both changes are affine, so their order does not matter. */
export function teacherImages(tensors: Tensors, images: tf.Tensor): tf.Tensor {
  const { image_resize: resize, image_scale: scale, image_shift: shift } = tensors;
  const sized = resize ? resizeImages(images, resize) : images;
  return scale && shift ? tf.add(tf.mul(sized, scale), shift) : sized;
}

/** Features of whole images for evaluation, from images normalised for the student. */
export function teacherFeatures(tensors: Tensors, architecture: Architecture, images: tf.Tensor, options?: EncoderOptions): EncoderFeatures {
  return encodeImages(tensors, architecture, teacherImages(tensors, images), options);
}

/**
 * Runs the teacher as far as the task needs. Its last block is computed for [CLS; visible patches] only, which is
 * exact: targets are read nowhere else, and its keys and values still come from every token.
 * @param tensors prepared teacher tensors (prepare.ts) under timm names
 * @param images [B, 3, S, S], normalised for the student
 */
export function runTeacher(tensors: Tensors, architecture: Architecture, images: tf.Tensor, task: TeacherTask): TeacherResult {
  const batch = images.shape[0]!;
  const last = architecture.depth - 1;
  const needsLast = task.levels.includes(last);
  // Which relative positions a pruned block would need is known only once patches are chosen.
  const wholeLast = (task.wholeTargets !== undefined && needsLast) || (architecture.relativePositions && (needsLast || task.scores));
  const wholeBlocks = wholeLast ? architecture.depth : Math.min(last, task.scores ? last : Math.max(...task.levels) + 1);

  let x = embedImages(tensors, architecture, teacherImages(tensors, images));
  const whole = new Map<number, tf.Tensor>();
  let lastAttention: tf.Tensor | undefined;
  for (let i = 0; i < wholeBlocks; i++) {
    const { output, attention } = block(tensors, `blocks.${i}`, x, architecture, batch);
    x = output;
    if (i === last) lastAttention = attention;
    if (task.levels.includes(i)) whole.set(i, task.wholeTargets ? task.wholeTargets(x) : x);
  }

  const skip = leadingTokens(architecture);
  const lastBlock = wholeBlocks === last && (needsLast || task.scores) ? prunedBlock(tensors, `blocks.${last}`, x, architecture, batch) : undefined;
  const scores = task.scores ? (lastBlock?.scores() ?? clsAttention(lastAttention!, skip)) : undefined;
  const keepIds = task.keep(scores);
  const rows = visibleRows(keepIds, batch, x.shape[0]! / batch, skip);
  const targets = task.levels.map((level) => {
    const output = whole.get(level);
    if (!output) return lastBlock!.outputAt(rows);
    return rows ? tf.gather(output, rows) : output;
  });
  return { targets, scores, keepIds };
}

/** What `runTeacher` gives for a task without `wholeTargets`, from what it gave where nothing was hidden: all that a task can read of images. */
export function teacherFromLook({ targets, scores }: Omit<TeacherResult, 'keepIds'>, batch: number, task: Pick<TeacherTask, 'keep'>): TeacherResult {
  const keepIds = task.keep(scores);
  const rows = visibleRows(keepIds, batch, targets[0]!.shape[0]! / batch, 1);
  return { targets: targets.map((target) => (rows ? tf.gather(target, rows) : target)), scores, keepIds };
}

/**
 * Rows of [CLS; visible patches] among [CLS; registers; patches], flattened over the batch, int32 [B·(1+K)].
 * Undefined if that is every row.
 */
function visibleRows(keepIds: tf.Tensor | undefined, batch: number, tokens: number, skip: number): tf.Tensor1D | undefined {
  if (!keepIds && skip === 1) return undefined;
  const patches = keepIds ? tf.add(keepIds, tf.scalar(skip, 'int32')) : allPatches(batch, tokens, skip);
  return flatRows(tf.concat([tf.zeros([batch, 1], 'int32'), patches], 1), tokens);
}

function allPatches(batch: number, tokens: number, skip: number): tf.Tensor {
  const patches = tokens - skip;
  return tf.tensor2d(Int32Array.from({ length: batch * patches }, (_, i) => skip + (i % patches)), [batch, patches], 'int32');
}

/** A block of which only some rows are computed: CLS attention first, outputs once it is known which. */
function prunedBlock(tensors: Tensors, name: string, x: tf.Tensor, architecture: Architecture, batch: number) {
  const { normEps, heads, width } = architecture;
  const tokens = x.shape[0]! / batch;
  const normed = layerNormOf(tensors, `${name}.norm1`, x, normEps);
  const attention = partialAttention(tensors, `${name}.attn`, normed, { batch, tokens, heads });
  return {
    /** CLS attention to the patches, [B, L]. */
    scores(): tf.Tensor {
      const cls = tf.reshape(tf.slice(tf.reshape(normed, [batch, tokens, width]), [0, 0, 0], [batch, 1, width]), [batch, width]);
      return clsAttention(attention.weights(cls, 1), leadingTokens(architecture));
    },
    /** Outputs of `rows`, a fixed number for each image; of all rows if undefined. */
    outputAt(rows: tf.Tensor1D | undefined): tf.Tensor {
      const queries = rows ? rows.shape[0] / batch : tokens;
      const pick = (all: tf.Tensor): tf.Tensor => (rows ? tf.gather(all, rows) : all);
      const attended = attention.output(attention.weights(pick(normed), queries));
      const afterAttention = tf.add(pick(x), layerScaled(tensors, `${name}.ls1`, attended, architecture));
      const branch = mlp(tensors, `${name}.mlp`, layerNormOf(tensors, `${name}.norm2`, afterAttention, normEps), architecture);
      return tf.add(afterAttention, layerScaled(tensors, `${name}.ls2`, branch, architecture));
    },
  };
}
