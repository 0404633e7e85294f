/** The training step that is measured: MaskAlign with a CLIP-like teacher, on random weights and images. */
import { CLIP_MEAN, CLIP_STD, plainVit, timmSpecs } from '../extension/core/checkpoints/teacher-shape';
import type { TeacherShape } from '../extension/core/checkpoints/teacher-shape';
import { needsTeacher, type MethodName } from '../extension/core/config/method-traits';
import { resolveExperiment } from '../extension/core/config/resolve';
import { experimentSchema, type ExperimentInput, type ResolvedExperiment, type VitShape } from '../extension/core/config/schema';
import type { HostTensor, NamedTensors } from '../extension/core/tensors';
import { elementCount, float32 } from '../extension/core/tensors';
import type { HostBatch, Precision, Program } from '../extension/training/engines/engine';
import { createMethod } from '../extension/training/methods/create';
import type { Method } from '../extension/training/methods/method';
import { RandomStream } from '../extension/training/random';
import { trainingPrograms, type TrainingPrograms } from '../extension/training/step';
import { lookLayout, type LookLayout, type Looks } from '../extension/training/teachers/look-record';

export interface StepSize {
  readonly batch: number;
  readonly imageSize: number;
  readonly patchSize: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
}

export const stepSizes = {
  /** That of the examples on CIFAR-10. */
  cifar: { batch: 64, imageSize: 32, patchSize: 4, width: 64, depth: 4, heads: 2 },
  micro: { batch: 4, imageSize: 16, patchSize: 4, width: 32, depth: 3, heads: 2 },
  tiny: { batch: 64, imageSize: 32, patchSize: 4, width: 192, depth: 12, heads: 3 },
  small: { batch: 16, imageSize: 224, patchSize: 16, width: 384, depth: 12, heads: 6 },
} satisfies Record<string, StepSize>;

export type StepSizeName = keyof typeof stepSizes;

export const maskRatio = 0.7;
export const alignedLevels = 5;

/** Numbers of a normal distribution that repeat: what they are does not matter to the time, and drawing a large teacher took longer than measuring it. */
const drawn = (() => {
  const random = new RandomStream(1, 'teacher');
  return Float32Array.from({ length: 65_537 }, () => random.normal());
})();

function randomTensors(shape: TeacherShape): NamedTensors {
  return Object.fromEntries(
    Object.entries(timmSpecs(shape)).map(([name, spec], tensor) => {
      const fanIn = elementCount(spec.shape.slice(1));
      const scale = spec.shape.length > 1 ? Math.sqrt(1 / fanIn) : 0.02;
      const centre = /norm.*weight$/.test(name) ? 1 : 0;
      const values = new Float32Array(elementCount(spec.shape));
      for (let i = 0; i < values.length; i++) values[i] = centre + scale * drawn[(i + 7919 * tensor) % drawn.length]!;
      return [name, float32(spec.shape, values)];
    }),
  );
}

export type TeacherDtype = 'float32' | 'int8';

interface StepCase {
  readonly program: Program;
  readonly state: NamedTensors;
  batch(step: number): HostBatch;
}

/** Like CLIP's, of the student's shape. */
export function randomTeacher(student: VitShape): { tensors: NamedTensors; shape: TeacherShape } {
  const shape: TeacherShape = {
    ...plainVit(student, CLIP_MEAN, CLIP_STD),
    prenorm: true, patchBias: false, activation: 'quick_gelu', normEps: 1e-5,
  };
  return { tensors: randomTensors(shape), shape };
}

interface TrainingCase {
  readonly experiment: ResolvedExperiment;
  readonly method: Method;
  readonly programs: TrainingPrograms;
}

export interface CaseOptions {
  /** Default: `maskalign`. Others have their own masks. */
  readonly method?: MethodName;
  readonly masking?: 'random' | 'attentive';
  /** That each batch is accumulated from. */
  readonly parts?: number;
  readonly dtype?: TeacherDtype;
  readonly precision?: Precision;
  /** Default: the procedural shapes. */
  readonly data?: ExperimentInput['data'];
}

export function trainingCase(size: StepSize, { method: name = 'maskalign', masking = 'random', parts = 1, dtype = 'float32', precision = 'float32', data = { kind: 'shapes' } }: CaseOptions = {}): TrainingCase {
  const { batch, imageSize, patchSize, width, depth, heads } = size;
  const levels = `top${Math.min(alignedLevels, depth)}`;
  const experiment = experimentSchema.parse({
    mim: 1,
    method: name,
    data: { ...data, image_size: imageSize },
    student: { patch_size: patchSize, width, depth, heads, mlp_ratio: 4 },
    ...(needsTeacher(name) && { teacher: { checkpoint: 'random', dtype } }),
    ...(name === 'maskalign' && { masking: { strategy: masking, ratio: maskRatio }, alignment: { levels } }),
    optimizer: { batch_size: batch, accumulate: parts, lr: 1e-4 },
    engine: { precision },
  });
  const { resolved, problems } = resolveExperiment(experiment, '/bench.yaml');
  if (!resolved) throw new Error(problems.map(({ message }) => message).join('\n'));
  const method = createMethod(resolved, needsTeacher(name) ? { teacher: randomTeacher(resolved.student) } : {});
  return { experiment: resolved, method, programs: trainingPrograms(method, resolved) };
}

export function stepCase(size: StepSize, options: CaseOptions = {}): StepCase {
  const { method, programs } = trainingCase(size, options);
  return caseOf(size, method, programs);
}

interface LookedCase extends Omit<StepCase, 'batch'> {
  /** Of a record of each image. */
  readonly layout: LookLayout;
  /** Those of every batch. */
  readonly images: HostTensor;
  batch(step: number, looks: Looks): HostBatch;
}

/** The step where the teacher was asked before. */
export function lookedCase(size: StepSize, options: CaseOptions = {}): LookedCase {
  const { method, experiment } = trainingCase(size, options);
  const looking = method.looking!;
  const { batch, images, ...rest } = caseOf(size, looking.method, trainingPrograms(looking.method, experiment));
  const specs = looking.specs(size.batch);
  return {
    ...rest,
    images,
    layout: lookLayout(looking.specs(1)),
    batch: (step, looks) => ({ ...batch(step), ...Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, { ...spec, data: looks[name] } as HostBatch[string]])) }),
  };
}

function caseOf({ batch, imageSize }: StepSize, method: Method, programs: TrainingPrograms): StepCase & { readonly images: HostTensor } {
  const random = new RandomStream(2, 'images');
  const images = float32([batch, 3, imageSize, imageSize]);
  for (let i = 0; i < images.data.length; i++) images.data[i] = random.normal();
  return {
    program: programs.single!,
    state: programs.initialState(0),
    images,
    batch: (step) => ({
      images,
      ...method.draw(new RandomStream(3, 'draw', step), batch),
      lr: float32([], Float32Array.of(1e-4)),
      step: float32([], Float32Array.of(step)),
    }),
  };
}
