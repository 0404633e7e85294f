/**
 * What the levels of a student, of its teacher and of an untrained student do with the same images: what `mim diagnose`
 * computes of a checkpoint, and a run along its training.
 */
import type { TeacherShape } from '../core/checkpoints/teacher-shape';
import type { ResolvedExperiment } from '../core/config/schema';
import { UserError } from '../core/problems';
import type { AlignmentDiagnostics, Diagnostics, RatioCurve } from '../core/runs/diagnostics';
import { float32, type NamedTensors } from '../core/tensors';
import { ImageLoader } from './data/loader';
import type { ImageSource } from './data/source';
import { limitTo } from './data/subset-source';
import { alignmentDiagnostics, alignmentProgram, everyLevel } from './diagnostics/alignment';
import { inspectEncoder, studentInspection, teacherInspection, type Inspection } from './diagnostics/inspection';
import { ckaMatrix, levelDiagnostics } from './diagnostics/level-diagnostics';
import { lossProgram, ratioVariants } from './diagnostics/loss-by-ratio';
import type { Engine, HostBatch, Program, Readings, StateStore } from './engines/engine';
import { createMethod } from './methods/create';
import type { Method } from './methods/method';
import { initialVit } from './nn/initialise';
import { RandomStream } from './random';
import type { StopSignal } from './stop-signal';
import { prepareTeacher } from './teachers/prepare';

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
    const teacher = await this.teacherOf(state);
    const alignment = teacher && (await this.align(state, teacher));
    return { ...(await this.compared('student', step, inspected, teacher)), ...(alignment && { alignment }) };
  }

  /** Of weights of which nothing else is known. */
  async ofWeights(weights: Weights, subject: 'student' | 'checkpoint', step: number): Promise<Diagnostics> {
    return this.compared(subject, step, await this.inspectFrozen(weights), await this.teacherOf(undefined));
  }

  /** The loss of a training's method at other ratios than the one it trains at, under the same draws. Empty where nothing is hidden. */
  async lossByRatio(state: StateStore): Promise<RatioCurve[]> {
    const { experiment, teacher } = this.context;
    const curves = new Map<string, RatioCurve['points'][number][]>();
    for (const variant of ratioVariants(experiment)) {
      const { masking: { strategy, ratio }, derived: { keepCount: keep } } = variant;
      const method = createMethod(variant, { teacher });
      const runs = await this.runMethod(method, lossProgram(method, variant, this.batchSize), state);
      const loss = runs.reduce((sum, reading) => sum + reading['loss']!.data[0]!, 0) / runs.length;
      curves.set(strategy, [...(curves.get(strategy) ?? []), { ratio, keep, loss }]);
    }
    return [...curves].map(([strategy, points]) => ({ strategy, points }));
  }

  private async compared(subject: 'student' | 'checkpoint', step: number, inspected: Inspection, teacher: Inspection | undefined): Promise<Diagnostics> {
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

  /** What the loss of MaskAlign compares, at every level, under masks that follow from `data.seed`. */
  private async align(state: StateStore, teacher: Inspection): Promise<AlignmentDiagnostics | undefined> {
    const { experiment, teacher: weights } = this.context;
    const method = everyLevel(experiment, weights);
    if (!method) return undefined;
    const runs = await this.runMethod(method, alignmentProgram(method, experiment, this.batchSize), state);
    return alignmentDiagnostics(runs, experiment.alignment.levels, teacher);
  }

  private async runMethod(method: Method, program: Program, state: StateStore): Promise<Readings[]> {
    const compiled = await this.context.engine.compile(program);
    try {
      const runs: Readings[] = [];
      for (const batch of this.maskedBatches(method)) {
        this.giveUpIfAsked();
        runs.push((await compiled.run(state, [batch]))[0]!);
      }
      return runs;
    } finally {
      await compiled.dispose();
    }
  }

  /** The images with what the method draws for them: every time the same. */
  private maskedBatches(method: Method): HostBatch[] {
    const { images: spec } = method.batchSpecs(this.batchSize);
    const { seed } = this.context.experiment.data;
    return this.batches.map((images, index) => ({ images: float32(spec!.shape, images), ...method.draw(new RandomStream(seed, 'diagnostics', index), this.batchSize) }));
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
