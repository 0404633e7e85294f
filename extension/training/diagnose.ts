/** What the levels of a checkpoint, of its teacher and of an untrained student do with one fixed batch of images. */
import { importTeacher } from '../core/checkpoints/import-teacher';
import type { TeacherShape } from '../core/checkpoints/teacher-shape';
import type { ResolvedExperiment } from '../core/config/schema';
import { localWeights, type FetchOptions } from '../core/hub/fetch-weights';
import { UserError } from '../core/problems';
import type { NamedTensors } from '../core/tensors';
import { ImageLoader } from './data/loader';
import type { ImageSource } from './data/source';
import { limitTo } from './data/subset-source';
import { inspectEncoder, studentInspection, teacherInspection, type Inspection } from './diagnostics/inspection';
import { ckaMatrix, levelDiagnostics, type LevelDiagnostics } from './diagnostics/level-diagnostics';
import { createEngine } from './engines/create';
import type { Engine } from './engines/engine';
import { enclosingRun, experimentOf, stepOf, withTeacherOf } from './evaluate';
import { initialVit } from './nn/initialise';
import { openTrainingImages } from './prepare';
import { RandomStream } from './random';
import { prepareTeacher } from './teachers/prepare';

export interface DiagnoseOptions {
  /** A run directory (its newest good checkpoint), a checkpoint's folder, or a weight file. */
  readonly target: string;
  /** Of the training images, drawn by `data.seed`: the same for every checkpoint of an experiment. */
  readonly images: number;
  /** Whose images are used; needed where the target is not inside a run. */
  readonly configFile?: string;
  readonly overrides?: Readonly<Record<string, string>>;
  readonly onMessage?: (line: string) => void;
  readonly onDownload?: FetchOptions['onProgress'];
}

export type Diagnosed = 'student' | 'checkpoint' | 'random' | 'teacher';

export interface Diagnostics {
  readonly step: number;
  readonly images: number;
  /** Side of the token grid, which distances are in patches of. */
  readonly grid: number;
  readonly encoders: readonly { readonly subject: Diagnosed; readonly levels: readonly LevelDiagnostics[] }[];
  /** CKA by level of the checkpoint (rows) and of the teacher; absent without a teacher. */
  readonly cka?: readonly (readonly number[])[];
}

/** Images a pass: what it reads off is small, but attention is not, L² a head and image. */
const BATCH = 32;
/** Of HSIC₁. */
const FEWEST = 4;

/** Diagnoses; the diagnostics of a run's own checkpoint on its own images are kept in that run. */
export async function diagnoseRun({ images, onMessage, onDownload, ...options }: DiagnoseOptions): Promise<Diagnostics> {
  const fetching = { onMessage, onProgress: onDownload };
  const run = await enclosingRun(options.target);
  const { experiment, origin, isOwn } = await experimentOf(options, run);
  const source = limitTo(await openTrainingImages(experiment, origin), images, experiment.data.seed);
  if (source.length < FEWEST) throw new UserError('MIM6201', `${source.length} images are too few to compare representations on.`, `At least ${FEWEST} are needed; some hundred tell more.`, 2);
  const weights = await importTeacher(await localWeights(options.target, fetching));
  onMessage?.(`Diagnosing ${weights.report.file} on ${source.length} images`);
  const { engine } = await createEngine(experiment.engine);
  try {
    const batches = await batchesOf(source, experiment);
    const inspect = new Inspector(engine, experiment, batches);
    const checkpoint = await inspect.frozen(weights);
    const random = await inspect.random();
    const file = (await withTeacherOf(run, isOwn, experiment, fetching)).teacher?.checkpoint;
    const teacher = file === undefined ? undefined : await inspect.frozen(await importTeacher(await localWeights(file, fetching), experiment.teacher));
    const found: Diagnostics = {
      step: stepOf(weights.report.file),
      images: batches.length * sizeOfBatch(source),
      grid: experiment.student.imageSize / experiment.student.patchSize,
      encoders: [
        { subject: run ? 'student' : 'checkpoint', levels: levelDiagnostics(checkpoint) },
        { subject: 'random', levels: levelDiagnostics(random) },
        ...(teacher ? [{ subject: 'teacher' as const, levels: levelDiagnostics(teacher) }] : []),
      ],
      ...(teacher && { cka: ckaMatrix(checkpoint, teacher) }),
    };
    if (run && isOwn) await run.writeDiagnostics(found.step, found);
    return found;
  } finally {
    await engine.dispose();
  }
}

class Inspector {
  constructor(
    private readonly engine: Engine,
    private readonly experiment: ResolvedExperiment,
    private readonly batches: readonly Float32Array[],
  ) {}

  /** The student before its first step. */
  async random(): Promise<Inspection> {
    const { seed, student } = this.experiment;
    return this.inspect(studentInspection(student, this.batchSize), initialVit(new RandomStream(seed, 'initialise'), student), student.depth);
  }

  async frozen(weights: { tensors: NamedTensors; shape: TeacherShape }): Promise<Inspection> {
    const { student, data } = this.experiment;
    return this.inspect(teacherInspection(prepareTeacher(weights, student, data), data.image_size, this.batchSize), {}, weights.shape.depth);
  }

  private async inspect(program: ReturnType<typeof studentInspection>, values: NamedTensors, depth: number): Promise<Inspection> {
    const state = this.engine.createState(values);
    const compiled = await this.engine.compile(program);
    try {
      return await inspectEncoder(compiled, state, depth, this.batches);
    } finally {
      await compiled.dispose();
      state.dispose();
    }
  }

  private get batchSize(): number {
    return this.batches[0]!.length / (3 * this.experiment.data.image_size ** 2);
  }
}

const sizeOfBatch = (source: ImageSource): number => Math.min(BATCH, source.length);

/** Whole batches alone: a mean over images is then the mean over batches. */
async function batchesOf(source: ImageSource, { data, seed }: ResolvedExperiment): Promise<Float32Array[]> {
  const size = sizeOfBatch(source);
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
