/** Dynamic Alignment: which mixture of student levels answers which teacher level. */
import * as tf from '@tensorflow/tfjs-core';
import type { AlignmentConfig } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import type { NamedSpecs, NamedTensors } from '../../core/tensors';
import { float32 } from '../../core/tensors';
import { mixtures } from '../nn/mixture';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';

type FusionName = AlignmentConfig['fusion'];

/** W, unconstrained, [M, N]: row i mixes the student's levels into what teacher level i is compared with. */
export const ALIGNMENT_WEIGHTS = 'method.alignment_weights';

/** @param studentDepth N @param teacherDepth M */
export function alignmentSpecs(fusion: FusionName, studentDepth: number, teacherDepth: number): NamedSpecs {
  return fusion === 'simple' ? {} : { [ALIGNMENT_WEIGHTS]: { shape: [teacherDepth, studentDepth], dtype: 'float32' } };
}

/** W at the start. `linear`: the identity plus 0.01 on every entry. `sum`: 1/N everywhere. */
export function initialAlignment(fusion: FusionName, studentDepth: number, teacherDepth: number): NamedTensors {
  if (fusion === 'simple') return {};
  const data = new Float32Array(teacherDepth * studentDepth).fill(fusion === 'sum' ? 1 / studentDepth : 0.01);
  if (fusion === 'linear') for (let i = 0; i < studentDepth; i++) data[i * studentDepth + i] = 1.01;
  return { [ALIGNMENT_WEIGHTS]: float32([teacherDepth, studentDepth], data) };
}

/** `simple` and `linear` pair level with level: they need a teacher as deep as the student. */
export function checkDepths(fusion: FusionName, studentDepth: number, teacherDepth: number): void {
  if (fusion === 'sum' || studentDepth === teacherDepth) return;
  throw new UserError(
    'MIM5004',
    `alignment.fusion is ${fusion}, which pairs the student's blocks with the teacher's one to one, but the student has ${studentDepth} and the teacher ${teacherDepth}.`,
    'Use `fusion: sum`, which mixes any number of student levels into any number of teacher levels.',
  );
}

/**
 * Σ_j W_ij·x_j for the given rows i.
 * @param sources x_1 … x_N, each [rows, D]
 * @param levels ascending, consecutive
 * @returns one [rows, D] for each level
 */
export function mixLevels(parameters: Tensors, sources: readonly tf.Tensor[], levels: readonly number[]): tf.Tensor[] {
  return mixtures(tf.slice(tensorOf(parameters, ALIGNMENT_WEIGHTS), [levels[0]!, 0], [levels.length, sources.length]), sources);
}
