/** What MaskAlign's loss compares, read off at every level of the teacher, whether the loss counts it or not. */
import * as tf from '@tensorflow/tfjs-core';
import type { TeacherShape } from '../../core/checkpoints/teacher-shape';
import type { ResolvedExperiment } from '../../core/config/schema';
import type { Agreement, AlignmentDiagnostics } from '../../core/runs/diagnostics';
import type { NamedTensors } from '../../core/tensors';
import type { Program, Readings } from '../engines/engine';
import { visibleAttention } from '../masking/visible-attention';
import { createMethod } from '../methods/create';
import { distance, meanCosine } from '../methods/distances';
import { levelWeights } from '../methods/levels';
import { lossState } from '../methods/loss-state';
import { MaskAlign } from '../methods/maskalign';
import { sliceRows } from '../nn/rows';
import { ckaMatrix } from './level-diagnostics';
import type { Pooled } from './inspection';

/**
 * The method with all levels in its loss and no drop-path; undefined where it is not MaskAlign. Adaptors and mixtures of
 * every level are among the parameters, also those that were never trained.
 * @param teacher absent: the student's average
 */
export function everyLevel(experiment: ResolvedExperiment, teacher: { readonly tensors: NamedTensors; readonly shape: TeacherShape } | undefined): MaskAlign | undefined {
  if (experiment.method !== 'maskalign') return undefined;
  const method = createMethod({ ...experiment, student: { ...experiment.student, dropPath: 0 }, alignment: { ...experiment.alignment, levels: 'mean' } }, { teacher });
  return method instanceof MaskAlign ? method : undefined;
}

/**
 * Readings: `losses.cls`, `cosines.cls`, `losses.patches`, `cosines.patches` [M]; `scores` [B, L]; `keep_ids` int32 [B, keep], absent if
 * every patch is visible; `pooled.<j>` [B, D], the mean of the visible patches after student block j.
 */
export function alignmentProgram(method: MaskAlign, experiment: ResolvedExperiment, batchSize: number): Program {
  return {
    name: 'alignment readings',
    state: lossState(method, experiment),
    constants: method.constants,
    batch: method.batchSpecs(batchSize),
    run({ state, constants, batch }) {
      const { hidden, aligned, targets, keepIds, scores } = method.align(state, batch, { ...constants, ...state }, true);
      const cls = (rows: tf.Tensor): tf.Tensor => sliceRows(rows, batchSize, 0, 1);
      const patches = (rows: tf.Tensor): tf.Tensor => sliceRows(rows, batchSize, 1, rows.shape[0]! / batchSize - 1);
      const readings: Record<string, tf.Tensor> = { scores: scores!, ...(keepIds && { keep_ids: keepIds }) };
      for (const [name, part] of Object.entries({ cls, patches })) {
        readings[`losses.${name}`] = tf.stack(aligned.map((features, i) => distance(experiment.alignment.loss, part(features), part(targets[i]!))));
        readings[`cosines.${name}`] = tf.stack(aligned.map((features, i) => meanCosine(part(features), part(targets[i]!))));
      }
      hidden.forEach((tokens, level) => {
        const visible = patches(tokens);
        const [rows, width] = visible.shape as [number, number];
        readings[`pooled.${level}`] = tf.mean(tf.reshape(visible, [batchSize, rows / batchSize, width]), 1);
      });
      return { state: {}, readings };
    },
  };
}

/**
 * @param runs what the program read off of each batch, all of a size
 * @param levels `alignment.levels` of the experiment
 * @param teacher on the same batches, whole
 */
export function alignmentDiagnostics(runs: readonly Readings[], levels: string, teacher: Pooled): AlignmentDiagnostics {
  const first = runs[0]!;
  const teacherDepth = first['losses.cls']!.data.length;
  const studentDepth = Object.keys(first).filter((name) => name.startsWith('pooled.')).length;
  const patchCount = first['scores']!.shape[1]!;
  const keep = first['keep_ids']?.shape[1] ?? patchCount;
  const mean = (name: string, level: number): number => runs.reduce((sum, run) => sum + run[name]!.data[level]!, 0) / runs.length;
  const agreement = (part: 'cls' | 'patches', level: number): Agreement => ({ loss: mean(`losses.${part}`, level), cosine: mean(`cosines.${part}`, level) });
  const weights = levelWeights(levels, teacherDepth);
  const pooled = Array.from({ length: studentDepth }, (_, level) => runs.map((run) => run[`pooled.${level}`]!.data as Float32Array));
  return {
    levels: weights.map((weight, level) => {
      const [cls, patches] = [agreement('cls', level), agreement('patches', level)];
      // CLS is one token of 1 + keep.
      const overTokens = (measure: keyof Agreement): number => (cls[measure] + keep * patches[measure]) / (1 + keep);
      return { weight, loss: overTokens('loss'), cosine: overTokens('cosine'), cls, patches };
    }),
    visibleAttention: keep === patchCount ? 1 : meanVisibleAttention(runs, keep, patchCount),
    uniformAttention: keep / patchCount,
    visibleCka: ckaMatrix({ pooled, width: first['pooled.0']!.shape[1]! }, teacher),
  };
}

function meanVisibleAttention(runs: readonly Readings[], keep: number, patchCount: number): number {
  const shares = runs.flatMap(({ keep_ids: keepIds, scores }) =>
    Array.from({ length: scores!.shape[0]! }, (_, image) => visibleAttention(keepIds!.data.subarray(image * keep, (image + 1) * keep), scores!.data.subarray(image * patchCount, (image + 1) * patchCount))),
  );
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
