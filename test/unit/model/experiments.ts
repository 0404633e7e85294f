/** Small experiments and teachers for the tests of the model. */
import type { TeacherShape } from '../../../extension/core/checkpoints/teacher-shape';
import { plainVit, timmSpecs } from '../../../extension/core/checkpoints/teacher-shape';
import { visibleCount } from '../../../extension/core/config/keep-count';
import { resolveDecoder, resolveReconstruction } from '../../../extension/core/config/resolve-method';
import type { ExperimentInput, ResolvedExperiment, VitShape } from '../../../extension/core/config/schema';
import { codebookSchema, experimentSchema } from '../../../extension/core/config/schema';
import type { HostTensor, NamedTensors } from '../../../extension/core/tensors';
import { elementCount, float32, int32 } from '../../../extension/core/tensors';
import { RandomStream } from '../../../extension/training/random';

export const MICRO_STUDENT: VitShape = { imageSize: 16, patchSize: 4, width: 16, depth: 3, heads: 2, mlpRatio: 2, dropPath: 0 };

export function experiment(input: Partial<ExperimentInput>, student: VitShape = MICRO_STUDENT): ResolvedExperiment {
  const { decoder, reconstruction, codebook, ...parsed } = experimentSchema.parse({ mim: 1, method: 'maskalign', data: { kind: 'shapes', image_size: student.imageSize }, ...input, student: 'micro' });
  const patchCount = (student.imageSize / student.patchSize) ** 2;
  return {
    ...parsed,
    name: 'micro',
    student,
    decoder: resolveDecoder(parsed.method, decoder, student),
    ...(parsed.method === 'beit' && { codebook: codebook ?? codebookSchema.parse({}) }),
    reconstruction: resolveReconstruction(parsed.method, reconstruction ?? {}, student),
    schedule: { ...parsed.schedule, warmup_epochs: parsed.schedule.warmup_epochs ?? parsed.schedule.epochs / 10 },
    engine: { kind: 'tfjs-cpu', threads: 1, steps_per_run: 1 },
    derived: {
      learningRate: parsed.optimizer.lr ?? (parsed.optimizer.blr * parsed.optimizer.batch_size) / 256,
      levels: parsed.alignment.levels,
      patchCount,
      keepCount: visibleCount(parsed.masking, patchCount, parsed.method),
      microBatch: parsed.optimizer.batch_size / parsed.optimizer.accumulate,
    },
  };
}

export function randomTensor(random: RandomStream, shape: readonly number[], scale = 1): HostTensor {
  return float32(shape, Float32Array.from({ length: elementCount(shape) }, () => random.normal() * scale));
}

/** A teacher with random weights. */
export function randomTeacher(changes: Partial<TeacherShape> = {}, seed = 1): { tensors: NamedTensors; shape: TeacherShape } {
  const shape: TeacherShape = { ...plainVit({ imageSize: 16, patchSize: 4, width: 24, depth: 3, heads: 3, mlpRatio: 2, dropPath: 0 }), ...changes };
  const random = new RandomStream(seed, 'teacher');
  const tensors: NamedTensors = {};
  for (const [name, spec] of Object.entries(timmSpecs(shape))) {
    tensors[name] = randomTensor(random, spec.shape, 0.2);
    if (/norm\w*\.weight$|gamma$/.test(name)) tensors[name].data.forEach((value, i, data) => (data[i] = 1 + value));
  }
  return { tensors, shape };
}

export function randomImages(random: RandomStream, batch: number, size: number): HostTensor {
  return randomTensor(random, [batch, 3, size, size]);
}

export function scalar(value: number): HostTensor {
  return float32([], Float32Array.of(value));
}

export function labels(...ids: number[]): HostTensor {
  return int32([ids.length], Int32Array.from(ids));
}
