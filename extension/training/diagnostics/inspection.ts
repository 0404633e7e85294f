/** What every level of an encoder does with whole images, read off in one pass on the engine. */
import * as tf from '@tensorflow/tfjs-core';
import { plainVit, type TeacherShape } from '../../core/checkpoints/teacher-shape';
import type { VitShape } from '../../core/config/schema';
import type { LevelDiagnostics } from '../../core/runs/diagnostics';
import { float32, type NamedSpecs, type NamedTensors } from '../../core/tensors';
import type { CompiledProgram, Program, Readings, StateStore } from '../engines/engine';
import { leadingTokens, type EncoderOptions } from '../nn/encoder';
import { sinCosPositions } from '../nn/positions';
import { withoutPrefix, type Tensors } from '../nn/tensors';
import { vitFeatures, vitSpecs } from '../nn/vit';
import type { PreparedTeacher } from '../teachers/prepare';
import { teacherFeatures } from '../teachers/teacher';
import { attentionDistance, attentionEntropy, attentionNmi, headLikeness, meanPairCosine, patchAttention, patchDistances } from './attention-maps';
import { fourierLogAmplitude, highestWave } from './token-maps';

/** What one pass tells of a block. */
export type LevelReading = Omit<LevelDiagnostics, 'rankMe' | 'collapseStd'>;

/** An image in few numbers after each block. */
export interface Pooled {
  /** Mean of the patch tokens after each block, [N, width] row-major, in batches as they were run. */
  readonly pooled: readonly Float32Array[][];
  readonly width: number;
}

/** Of N images. */
export interface Inspection extends Pooled {
  readonly levels: readonly LevelReading[];
}

interface Encoder {
  readonly name: string;
  readonly architecture: TeacherShape;
  /** Side of the images, in pixels, as the loader gives them. */
  readonly imageSize: number;
  readonly state: NamedSpecs;
  readonly constants: NamedTensors;
  forward(state: Tensors, constants: Tensors, images: tf.Tensor, options: EncoderOptions): unknown;
}

/** @param prefix of the student's entries in the store: empty, or `ema.` */
export function studentInspection(shape: VitShape, batchSize: number, prefix = ''): Program {
  return inspectionProgram(batchSize, {
    name: 'student-inspection',
    architecture: plainVit(shape),
    imageSize: shape.imageSize,
    state: Object.fromEntries(Object.entries(vitSpecs(shape)).map(([name, spec]) => [prefix + name, spec])),
    constants: { pos_embed: sinCosPositions(shape.width, shape.imageSize / shape.patchSize) },
    forward: (state, constants, images, options) => vitFeatures({ ...withoutPrefix(state, prefix), ...constants }, shape, images, options),
  });
}

/** @param imageSize side of the images as the loader gives them, normalised for the student */
export function teacherInspection({ tensors, shape }: PreparedTeacher, imageSize: number, batchSize: number): Program {
  return inspectionProgram(batchSize, {
    name: 'teacher-inspection', architecture: shape, imageSize, state: {}, constants: tensors,
    forward: (_state, constants, images, options) => teacherFeatures(constants, shape, images, options),
  });
}

function inspectionProgram(batchSize: number, { name, architecture, imageSize, state, constants, forward }: Encoder): Program {
  const { imageSize: side, patchSize } = architecture;
  const grid = side / patchSize;
  const skip = leadingTokens(architecture);
  const measures = { patch_distances: float32([grid * grid, grid * grid], patchDistances(grid)), highest_wave: float32([2, grid * grid], highestWave(grid)) };
  return {
    name,
    state,
    constants: { ...constants, ...measures },
    batch: { images: { shape: [batchSize, 3, imageSize, imageSize], dtype: 'float32' } },
    run(inputs) {
      const readings: Record<string, tf.Tensor> = {};
      const { patch_distances: distances, highest_wave: wave, ...encoder } = inputs.constants;
      forward(inputs.state, encoder, inputs.batch.images!, {
        visit(level, output, attention) {
          const patches = tf.slice(output, [0, skip, 0], [batchSize, grid * grid, output.shape[2]]);
          const maps = patchAttention(attention, skip);
          const found = {
            pooled: tf.mean(patches, 1), attentionDistance: attentionDistance(maps, distances!), attentionEntropy: attentionEntropy(maps), attentionNmi: attentionNmi(maps),
            ...(architecture.heads > 1 && { headLikeness: headLikeness(maps) }), tokenUniformity: meanPairCosine(patches), fourierLogAmplitude: fourierLogAmplitude(patches, wave!),
          };
          for (const [measure, value] of Object.entries(found)) readings[`${measure}.${level}`] = value;
        },
      });
      return { state: {}, readings };
    },
  };
}

/** @param batches [B, 3, S, S] each, B as the program was made for; @param beforeBatch may throw to give up */
export async function inspectEncoder(compiled: CompiledProgram, state: StateStore, depth: number, batches: readonly Float32Array[], beforeBatch: () => void = () => undefined): Promise<Inspection> {
  const shape = compiled.program.batch.images!.shape;
  const runs: Readings[] = [];
  for (const images of batches) {
    beforeBatch();
    runs.push((await compiled.run(state, [{ images: float32(shape, images) }]))[0]!);
  }
  const meanOf = (name: string): number[] => {
    const width = runs[0]![name]!.data.length;
    return Array.from({ length: width }, (_, i) => runs.reduce((sum, readings) => sum + readings[name]!.data[i]!, 0) / runs.length);
  };
  const levels = Array.from({ length: depth }, (_, level): LevelReading => ({
    attentionDistance: meanOf(`attentionDistance.${level}`),
    attentionEntropy: meanOf(`attentionEntropy.${level}`),
    attentionNmi: meanOf(`attentionNmi.${level}`),
    ...(runs[0]![`headLikeness.${level}`] && { headLikeness: meanOf(`headLikeness.${level}`)[0]! }),
    tokenUniformity: meanOf(`tokenUniformity.${level}`)[0]!,
    fourierLogAmplitude: meanOf(`fourierLogAmplitude.${level}`)[0]!,
  }));
  const pooled = levels.map((_, level) => runs.map((readings) => readings[`pooled.${level}`]!.data as Float32Array));
  return { levels, pooled, width: runs[0]!['pooled.0']!.shape[1]! };
}
