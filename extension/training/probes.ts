/** The evaluations of a run: which encoder, which images, which protocols, and what is kept of them. */
import type { TeacherShape } from '../core/checkpoints/teacher-shape';
import { evaluatedLayers } from '../core/config/evaluation-name';
import type { DataConfig, EvaluationConfig, ResolvedExperiment } from '../core/config/schema';
import type { NamedTensors } from '../core/tensors';
import { ImageLoader } from './data/loader';
import type { ImageSource } from './data/source';
import type { Engine, StateStore } from './engines/engine';
import { studentFeatureProgram, teacherFeatureProgram } from './evaluation/encoders';
import type { ClassifierHead } from './evaluation/classifier';
import { evaluateClassifier, evaluateFeatures, type EvaluationProgress } from './evaluation/evaluate';
import { featurePasses, type FeaturePass, type FeatureReader } from './evaluation/feature-passes';
import { featureName, runEncoder, type Encoder, type ExtractedFeatures, type FeatureName, type LabelledImages } from './evaluation/features';
import { classifierName, probeResult, resultName, type ProbeResult, type ProbeSubject } from './probe-results';
import type { StopSignal } from './stop-signal';
import { prepareTeacher } from './teachers/prepare';

export interface ProbeContext {
  readonly engine: Engine;
  readonly experiment: ResolvedExperiment;
  readonly train: ImageSource;
  readonly test: ImageSource;
  readonly onUnreadable?: (name: string, reason: string) => void;
  readonly onProgress?: (progress: EvaluationProgress, subject: ProbeSubject) => void;
  /** Once requested, evaluations end with `EvaluationStopped`. */
  readonly signal?: StopSignal;
}

/** RandomResizedCrop and flip of the official linear probe, whatever the pretraining does. */
const MAE_AUGMENTATION = { crop_scale: [0.08, 1], flip: 0.5 } satisfies Partial<DataConfig>;

/** An evaluation was given up because a stop was asked for; nothing of it is kept. */
export class EvaluationStopped extends Error {
  override readonly name = 'EvaluationStopped';
}

/** Images a pass of an evaluation; small enough for any machine, large enough to keep it busy. */
const EVALUATION_BATCH = 128;

/** A protocol and the features it reads. */
interface Wanted extends FeatureReader {
  readonly config: EvaluationConfig;
}

/** The classifier an encoder was trained with, which reads its features of the last layer. */
interface TrainedHead extends FeatureReader {
  readonly head: ClassifierHead;
}

/** @param kept of what the encoder's program reads off */
type Extract = (phase: 'train-features' | 'test-features', batches: AsyncIterable<LabelledImages>, kept: readonly FeatureName[], images?: number) => Promise<ExtractedFeatures<FeatureName>>;

export class Probes {
  private readonly trainImages: ImageLoader;
  private readonly augmentedImages: ImageLoader;
  private readonly testImages: ImageLoader;

  constructor(private readonly context: ProbeContext) {
    const { experiment, onUnreadable } = context;
    // Batches of the probe's augmented epochs are as large as the encoder's; evaluation batches are asked for by size.
    const options = { config: experiment.data, batchSize: Math.min(EVALUATION_BATCH, context.train.length), seed: experiment.seed, onUnreadable };
    this.trainImages = new ImageLoader(context.train, options);
    this.augmentedImages = new ImageLoader(context.train, { ...options, config: { ...experiment.data, ...MAE_AUGMENTATION } });
    this.testImages = new ImageLoader(context.test, options);
  }

  /** The student as its state store holds it now. */
  async student(state: StateStore, step: number, evaluations: readonly EvaluationConfig[]): Promise<ProbeResult[]> {
    return this.evaluate('student', this.studentEncoder(state), step, evaluations, await this.trainedHead(state, ''));
  }

  /** The average of the student, where one is kept. */
  async averagedStudent(state: StateStore, step: number, evaluations: readonly EvaluationConfig[]): Promise<ProbeResult[]> {
    return this.evaluate('ema-student', this.studentEncoder(state, 'ema.'), step, evaluations, await this.trainedHead(state, 'ema.'));
  }

  /** The student before its first step: what the architecture alone is worth. */
  async random(initial: NamedTensors, evaluations: readonly EvaluationConfig[]): Promise<ProbeResult[]> {
    const state = this.context.engine.createState(initial);
    try {
      return await this.evaluate('random', this.studentEncoder(state), 0, evaluations);
    } finally {
      state.dispose();
    }
  }

  /** A teacher or any checkpoint. @param head the classifier it was trained with */
  frozen(subject: 'teacher' | 'checkpoint' | 'student', weights: { tensors: NamedTensors; shape: TeacherShape }, step: number, evaluations: readonly EvaluationConfig[], head?: ClassifierHead): Promise<ProbeResult[]> {
    const { engine, experiment } = this.context;
    const teacher = prepareTeacher(weights, experiment.student, experiment.data);
    const { width, depth } = teacher.shape;
    const program = (kinds: readonly FeatureName[]) => teacherFeatureProgram(teacher, experiment.data.image_size, EVALUATION_BATCH, kinds);
    return this.evaluate(subject, { program, state: engine.createState({}), width, depth }, step, evaluations, head);
  }

  async close(): Promise<void> {
    await this.trainImages.close();
    await this.augmentedImages.close();
    await this.testImages.close();
  }

  private studentEncoder(state: StateStore, prefix = ''): Encoder {
    const { student } = this.context.experiment;
    return { program: (kinds) => studentFeatureProgram(student, EVALUATION_BATCH, prefix, kinds), state, width: student.width, depth: student.depth };
  }

  /** The classifier of a supervised training: its own accuracy belongs to every evaluation. */
  private async trainedHead(state: StateStore, prefix: '' | 'ema.'): Promise<ClassifierHead | undefined> {
    const { method, supervised } = this.context.experiment;
    if (method !== 'supervised') return undefined;
    const [weight, bias] = [`${prefix}head.weight`, `${prefix}head.bias`];
    const values = await state.read([weight, bias]);
    return { weight: values[weight]!, bias: values[bias]!, features: supervised.pooling };
  }

  /** Features are computed once for all protocols, as far as they fit into memory. */
  private async evaluate(subject: ProbeSubject, encoder: Encoder, step: number, evaluations: readonly EvaluationConfig[], head?: ClassifierHead): Promise<ProbeResult[]> {
    const { train, test } = this.context;
    const wanted: Wanted[] = evaluations.flatMap((config) => evaluatedLayers(config, encoder.depth).map((layer) => ({ kind: config.features, layer, config })));
    const readers = head ? [{ kind: head.features, head }, ...wanted] : wanted;
    const results: ProbeResult[] = [];
    for (const pass of featurePasses(readers, train.length + test.length, encoder.width)) results.push(...(await this.evaluatePass(subject, encoder, step, pass)));
    return results;
  }

  private async evaluatePass(subject: ProbeSubject, encoder: Encoder, step: number, { names, readers }: FeaturePass<Wanted | TrainedHead>): Promise<ProbeResult[]> {
    const { engine, experiment, train, test, onProgress, signal } = this.context;
    const report = (progress: EvaluationProgress): void => {
      if (signal?.requested) throw new EvaluationStopped();
      onProgress?.(progress, subject);
    };
    const compiled = await engine.compile(encoder.program(names));
    const extract: Extract = (phase, batches, kept, images) => runEncoder(compiled, encoder.state, batches, (done) => report({ phase, done }), { kinds: kept, images });
    try {
      const started = performance.now();
      const trainFeatures = await extract('train-features', this.trainImages.evalBatches(EVALUATION_BATCH), names, train.length);
      const testFeatures = await extract('test-features', this.testImages.evalBatches(EVALUATION_BATCH), names, test.length);
      const featureSeconds = Math.round(performance.now() - started) / 1000;
      const results: ProbeResult[] = [];
      for (const reader of readers) {
        const name = featureName(reader.kind, reader.layer);
        if ('head' in reader) {
          const result = evaluateClassifier(engine, reader.head, testFeatures[name]!, experiment.seed);
          results.push(probeResult(classifierName(subject), subject, step, { ...result, featureSeconds }));
          continue;
        }
        const { config, layer } = reader;
        const result = await evaluateFeatures({
          engine,
          config,
          layer,
          train: trainFeatures[name]!,
          test: testFeatures[name]!,
          classes: train.classNames.length || undefined,
          seed: experiment.seed,
          labelSeed: experiment.data.seed,
          ...(config.protocol === 'linear' && config.preset === 'mae' ? this.augmentation(extract, name) : {}),
          onProgress: report,
        });
        results.push(probeResult(resultName(config, subject, layer), subject, step, { ...result, featureSeconds }));
      }
      return results;
    } finally {
      await compiled.dispose();
    }
  }

  private augmentation(extract: Extract, name: FeatureName) {
    return {
      featureEpochs: async (epoch: number) => (await extract('train-features', this.augmentedEpoch(epoch), [name]))[name]!,
      augmentation: { cropScale: MAE_AUGMENTATION.crop_scale, flip: MAE_AUGMENTATION.flip },
    };
  }

  /** The batches of one epoch of preset `mae`; the rest of the last one is left out. */
  private async *augmentedEpoch(epoch: number): AsyncGenerator<LabelledImages> {
    const steps = this.augmentedImages.stepsPerEpoch;
    yield* this.augmentedImages.trainBatches(epoch * steps, (epoch + 1) * steps);
  }
}
