/**
 * What the levels of a student, of its teacher and of an untrained student do with the same images: what `mim diagnose`
 * computes of a checkpoint, and a run along its training.
 */
import type { TeacherShape } from '../core/checkpoints/teacher-shape';
import type { ResolvedExperiment } from '../core/config/schema';
import { UserError } from '../core/problems';
import type { NamedTensors } from '../core/tensors';
import { ImageLoader } from './data/loader';
import type { ImageSource } from './data/source';
import { limitTo } from './data/subset-source';
import { inspectEncoder, studentInspection, teacherInspection, type Inspection } from './diagnostics/inspection';
import { ckaMatrix, levelDiagnostics, type LevelDiagnostics } from './diagnostics/level-diagnostics';
import type { Engine, Program, StateStore } from './engines/engine';
import { initialVit } from './nn/initialise';
import { RandomStream } from './random';
import type { StopSignal } from './stop-signal';
import { prepareTeacher } from './teachers/prepare';

export type Diagnosed = 'student' | 'checkpoint' | 'random' | 'teacher';

/** What `diagnostics/step-N.json` of a run holds. */
export interface Diagnostics {
  readonly step: number;
  readonly images: number;
  /** Side of the token grid, which distances are in patches of. */
  readonly grid: number;
  readonly encoders: readonly { readonly subject: Diagnosed; readonly levels: readonly LevelDiagnostics[] }[];
  /** CKA by level of the student (rows) and of the teacher; absent without a teacher. */
  readonly cka?: readonly (readonly number[])[];
}

interface Weights {
  readonly tensors: NamedTensors;
  readonly shape: TeacherShape;
}

export interface DiagnosisContext {
  readonly engine: Engine;
  readonly experiment: ResolvedExperiment;
  /** Training images, labelled or not. */
  readonly source: ImageSource;
  /** So many of them are looked at, drawn by `data.seed`. */
  readonly images: number;
  /** The frozen one, as its file holds it. */
  readonly teacher?: Weights;
  /** Once requested, a diagnosis ends with `DiagnosisStopped`. */
  readonly signal?: StopSignal;
}

/** Images a pass: what it reads off is small, but attention is not, L² a head and image. */
const BATCH = 32;
/** Of HSIC₁. */
const FEWEST = 4;

/** A diagnosis was given up because a stop was asked for. */
export class DiagnosisStopped extends Error {
  override readonly name = 'DiagnosisStopped';
}

/** One set of images; what does not change between two looks at it is computed once. */
export class Diagnosis {
  private untrained: Inspection | undefined;
  private frozenTeacher: Inspection | undefined;

  private constructor(
    private readonly context: DiagnosisContext,
    /** [B, 3, S, S] each. */
    private readonly batches: readonly Float32Array[],
    private readonly batchSize: number,
  ) {}

  /** @throws UserError MIM6201 for fewer than four images */
  static async open(context: DiagnosisContext): Promise<Diagnosis> {
    const source = limitTo(context.source, context.images, context.experiment.data.seed);
    if (source.length < FEWEST) throw new UserError('MIM6201', `${source.length} images are too few to compare representations on.`, `At least ${FEWEST} are needed; some hundred tell more.`, 2);
    const batchSize = Math.min(BATCH, source.length);
    return new Diagnosis(context, await readBatches(source, batchSize, context.experiment), batchSize);
  }

  /** Of a training's student, after `step` steps. @param state every parameter and, of a self-taught student, its average */
  async ofTraining(state: StateStore, step: number): Promise<Diagnostics> {
    const { student } = this.context.experiment;
    const inspected = await this.inspect(studentInspection(student, this.batchSize), state, student.depth);
    return this.compared('student', step, inspected, await this.teacherOf(state));
  }

  /** Of weights of which nothing else is known. */
  async ofWeights(weights: Weights, subject: 'student' | 'checkpoint', step: number): Promise<Diagnostics> {
    return this.compared(subject, step, await this.inspectFrozen(weights), await this.teacherOf(undefined));
  }

  private async compared(subject: Diagnosed, step: number, inspected: Inspection, teacher: Inspection | undefined): Promise<Diagnostics> {
    const { student } = this.context.experiment;
    this.untrained ??= await this.inspectUntrained();
    return {
      step,
      images: this.batches.length * this.batchSize,
      grid: student.imageSize / student.patchSize,
      encoders: [
        { subject, levels: levelDiagnostics(inspected) },
        { subject: 'random', levels: levelDiagnostics(this.untrained) },
        ...(teacher ? [{ subject: 'teacher' as const, levels: levelDiagnostics(teacher) }] : []),
      ],
      ...(teacher && { cka: ckaMatrix(inspected, teacher) }),
    };
  }

  /** The frozen one, or the student's average as `state` has it now. */
  private async teacherOf(state: StateStore | undefined): Promise<Inspection | undefined> {
    const { teacher, experiment: { student, teacher: config } } = this.context;
    if (teacher) return (this.frozenTeacher ??= await this.inspectFrozen(teacher));
    return state && config?.ema ? this.inspect(studentInspection(student, this.batchSize, 'ema.'), state, student.depth) : undefined;
  }

  /** The student before its first step. */
  private async inspectUntrained(): Promise<Inspection> {
    const { seed, student } = this.context.experiment;
    return this.inspectValues(studentInspection(student, this.batchSize), initialVit(new RandomStream(seed, 'initialise'), student), student.depth);
  }

  private async inspectFrozen(weights: Weights): Promise<Inspection> {
    const { student, data } = this.context.experiment;
    return this.inspectValues(teacherInspection(prepareTeacher(weights, student, data), data.image_size, this.batchSize), {}, weights.shape.depth);
  }

  private async inspectValues(program: Program, values: NamedTensors, depth: number): Promise<Inspection> {
    const state = this.context.engine.createState(values);
    try {
      return await this.inspect(program, state, depth);
    } finally {
      state.dispose();
    }
  }

  private async inspect(program: Program, state: StateStore, depth: number): Promise<Inspection> {
    const compiled = await this.context.engine.compile(program);
    try {
      return await inspectEncoder(compiled, state, depth, this.batches, () => this.giveUpIfAsked());
    } finally {
      await compiled.dispose();
    }
  }

  private giveUpIfAsked(): void {
    if (this.context.signal?.requested) throw new DiagnosisStopped();
  }
}

/** Under the evaluation crop. Whole batches alone: a mean over images is then the mean over batches. */
async function readBatches(source: ImageSource, size: number, { data, seed }: ResolvedExperiment): Promise<Float32Array[]> {
  const loader = new ImageLoader(source, { config: data, batchSize: size, seed });
  const batches: Float32Array[] = [];
  try {
    // The loader may use the memory of a batch again.
    for await (const { images, labels } of loader.evalBatches(size)) if (labels.length === size) batches.push(images.slice());
  } finally {
    await loader.close();
  }
  return batches;
}
