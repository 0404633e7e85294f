/** The evaluations of a run: which encoder, which images, which protocols, and what is kept of them. */
import type { TeacherShape } from '../core/checkpoints/teacher-shape';
import { evaluatedLayers } from '../core/config/evaluation-name';
import type { DataConfig, EvaluationConfig, ResolvedExperiment } from '../core/config/schema';
import type { NamedTensors } from '../core/tensors';
import { corruptedBatches } from './data/corrupted-batches';
import { CORRUPTIONS, SEVERITIES, strengthsFor, type Corruption, type Severity } from './data/corruptions';
import { ImageLoader } from './data/loader';
import type { ImageSource } from './data/source';
import type { Engine, StateStore } from './engines/engine';
import { studentFeatureProgram, teacherFeatureProgram, trainableStudent } from './evaluation/encoders';
import type { ClassifierHead } from './evaluation/classifier';
import { sameEveryEpoch, type EpochParts } from './evaluation/epoch-parts';
import type { TokenSet } from './evaluation/attentive-probe';
import { evaluateClassifier, evaluateFeatures, evaluateTokens, type EvaluationProgress } from './evaluation/evaluate';
import { featureParts } from './evaluation/feature-parts';
import { featurePasses, type FeaturePass, type FeatureReader } from './evaluation/feature-passes';
import { featureName, runEncoder, type Encoder, type ExtractedFeatures, type FeatureName, type LabelledImages } from './evaluation/features';
import type { CorruptedSets } from './evaluation/robustness';
import { fineTune } from './finetune/fine-tune';
import { fineTuneRecipe } from './finetune/recipe';
import { classifierName, probeResult, resultName, type ProbeResult, type ProbeSubject } from './probe-results';
import type { StopSignal } from './stop-signal';
import { prepareTeacher, type PreparedTeacher } from './teachers/prepare';

export interface ProbeContext {
  readonly engine: Engine;
  readonly experiment: ResolvedExperiment;
  readonly train: ImageSource;
  readonly test: ImageSource;
  readonly onUnreadable?: (name: string, reason: string) => void;
  readonly onProgress?: (progress: EvaluationProgress, subject: ProbeSubject) => void;
  /** Patch tokens held at once, in bytes; default: 1 GiB. */
  readonly tokenBytes?: number;
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

/** Patch tokens held at once; where learning rates are compared, as much again. */
const TOKEN_BYTES = 2 ** 30;

/** A protocol and the features it reads. */
interface Wanted extends FeatureReader {
  readonly config: EvaluationConfig;
}

/** The classifier an encoder was trained with, which reads its features of the last layer. */
interface TrainedHead extends FeatureReader {
  readonly head: ClassifierHead;
}

interface EvaluatedEncoder extends Encoder {
  /** Its weights, where fine-tuning begins. */
  trainable(): Promise<PreparedTeacher>;
}

/** @param kept of what the encoder's program reads off */
type Extract = (phase: 'train-features' | 'test-features', batches: AsyncIterable<LabelledImages>, kept: readonly FeatureName[], images?: number) => Promise<ExtractedFeatures<FeatureName>>;

export class Probes {
  private readonly trainImages: ImageLoader;
  private readonly augmentedImages: ImageLoader;
  /** The training images as `trainImages`, in another order every epoch. */
  private readonly shuffledImages: ImageLoader;
  private readonly testImages: ImageLoader;
  private readonly batchSize: number;

  constructor(private readonly context: ProbeContext) {
    const { experiment, onUnreadable } = context;
    // Batches of the probe's augmented epochs are as large as the encoder's; evaluation batches are asked for by size.
    this.batchSize = Math.min(EVALUATION_BATCH, context.train.length);
    const options = { config: experiment.data, batchSize: this.batchSize, seed: experiment.seed, onUnreadable };
    this.trainImages = new ImageLoader(context.train, options);
    this.augmentedImages = new ImageLoader(context.train, { ...options, config: { ...experiment.data, ...MAE_AUGMENTATION } });
    this.shuffledImages = new ImageLoader(context.train, { ...options, augment: 'center' });
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
    return this.evaluate(subject, { program, state: engine.createState({}), width, depth, patches: patchesOf(teacher.shape), trainable: () => Promise.resolve(teacher) }, step, evaluations, head);
  }

  async close(): Promise<void> {
    await this.trainImages.close();
    await this.augmentedImages.close();
    await this.shuffledImages.close();
    await this.testImages.close();
  }

  private studentEncoder(state: StateStore, prefix = ''): EvaluatedEncoder {
    const { student } = this.context.experiment;
    return {
      program: (kinds) => studentFeatureProgram(student, EVALUATION_BATCH, prefix, kinds),
      state,
      width: student.width,
      depth: student.depth,
      patches: patchesOf(student),
      trainable: () => trainableStudent(state, student, prefix),
    };
  }

  /** The classifier of a supervised training: its own accuracy belongs to every evaluation of frozen features. */
  private async trainedHead(state: StateStore, prefix: '' | 'ema.'): Promise<ClassifierHead | undefined> {
    const { method, supervised } = this.context.experiment;
    if (method !== 'supervised') return undefined;
    const [weight, bias] = [`${prefix}head.weight`, `${prefix}head.bias`];
    const values = await state.read([weight, bias]);
    return { weight: values[weight]!, bias: values[bias]!, features: supervised.pooling };
  }

  /** Features are computed once for all protocols, as far as they fit into memory. */
  private async evaluate(subject: ProbeSubject, encoder: EvaluatedEncoder, step: number, evaluations: readonly EvaluationConfig[], head?: ClassifierHead): Promise<ProbeResult[]> {
    const { train, test } = this.context;
    const wantedBy = (chosen: readonly EvaluationConfig[]): Wanted[] => chosen.flatMap((config) => evaluatedLayers(config, encoder.depth).map((layer) => ({ kind: config.features, layer, config })));
    const by = (own: EvaluationConfig['protocol']): EvaluationConfig[] => evaluations.filter(({ protocol }) => protocol === own);
    const frozen = evaluations.filter(({ protocol }) => protocol !== 'finetune');
    const wanted = wantedBy(frozen.filter(({ protocol }) => protocol !== 'attentive'));
    const readers = head && frozen.length > 0 ? [{ kind: head.features, head }, ...wanted] : wanted;
    const results: ProbeResult[] = [];
    for (const pass of featurePasses(readers, train.length + test.length, encoder.width)) results.push(...(await this.evaluatePass(subject, encoder, step, pass)));
    for (const { config, layer } of wantedBy(by('attentive'))) results.push(await this.evaluateTokens(subject, encoder, step, config, layer));
    for (const config of by('finetune')) results.push(await this.fineTune(subject, encoder, step, config));
    return results;
  }

  private async evaluatePass(subject: ProbeSubject, encoder: Encoder, step: number, { names, readers }: FeaturePass<Wanted | TrainedHead>): Promise<ProbeResult[]> {
    const { engine, experiment, train, test } = this.context;
    const report = this.reporter(subject);
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
          ...(config.protocol === 'robustness' ? { corrupted: this.corruptedSets(extract, name) } : {}),
          onProgress: report,
        });
        results.push(probeResult(resultName(config, subject, layer), subject, step, { ...result, featureSeconds }));
      }
      return results;
    } finally {
      await compiled.dispose();
    }
  }

  /** Patch tokens are many numbers: what does not fit into memory is computed again whenever it is read. */
  private async evaluateTokens(subject: ProbeSubject, encoder: Encoder, step: number, config: EvaluationConfig, layer: number | undefined): Promise<ProbeResult> {
    const { engine, experiment, train, test, tokenBytes = TOKEN_BYTES } = this.context;
    const report = this.reporter(subject);
    const name = featureName('patches', layer);
    const compiled = await engine.compile(encoder.program([name]));
    const partImages = Math.max(EVALUATION_BATCH, Math.floor(tokenBytes / (4 * encoder.patches * encoder.width)));
    const parts = (phase: 'train-features' | 'test-features', batches: AsyncIterable<LabelledImages>) =>
      featureParts(batches, partImages, async (part, images) => (await runEncoder(compiled, encoder.state, part, (done) => report({ phase, done }), { kinds: [name], images }))[name]!);
    const tokenSet = (phase: 'train-features' | 'test-features', loader: ImageLoader, { length: images }: ImageSource): TokenSet => ({ images, partImages: Math.min(images, partImages), parts: () => parts(phase, loader.evalBatches(EVALUATION_BATCH)) });
    try {
      const fits = train.length <= partImages;
      const known = await firstOf(parts('train-features', fits ? this.trainImages.evalBatches(EVALUATION_BATCH) : epochOf(this.shuffledImages, 0)));
      const fresh = (loader: ImageLoader): EpochParts => ({
        width: known.width,
        sizes: partSizes(loader.stepsPerEpoch, this.batchSize, partImages),
        parts: (epoch) => parts('train-features', epochOf(loader, epoch)),
      });
      const augmented = config.preset === 'mae';
      const result = await evaluateTokens({
        engine,
        config,
        layer,
        seed: experiment.seed,
        classes: train.classNames.length,
        tokens: encoder.patches,
        known,
        training: augmented ? fresh(this.augmentedImages) : fits ? sameEveryEpoch(known) : fresh(this.shuffledImages),
        train: fits ? { images: train.length, partImages: train.length, parts: () => sameEveryEpoch(known).parts(0) } : tokenSet('train-features', this.trainImages, train),
        test: tokenSet('test-features', this.testImages, test),
        ...(augmented ? { augmentation: { cropScale: MAE_AUGMENTATION.crop_scale, flip: MAE_AUGMENTATION.flip } } : {}),
        onProgress: report,
      });
      return probeResult(resultName(config, subject, layer), subject, step, result);
    } finally {
      await compiled.dispose();
    }
  }

  /** Trains a copy of the encoder: what is evaluated stays as it is. */
  private async fineTune(subject: ProbeSubject, encoder: EvaluatedEncoder, step: number, config: EvaluationConfig): Promise<ProbeResult> {
    const { engine, experiment, train, test, onUnreadable } = this.context;
    const report = this.reporter(subject);
    const result = await fineTune(engine, await encoder.trainable(), {
      experiment,
      recipe: fineTuneRecipe(config, experiment, train.length),
      train,
      test: { images: test.length, batchSize: EVALUATION_BATCH, batches: () => this.testImages.evalBatches(EVALUATION_BATCH) },
      onUnreadable,
      onProgress: (done, total) => report({ phase: 'finetune', done, total }),
    });
    return probeResult(resultName(config, subject), subject, step, result);
  }

  /** Tells of progress, and gives up where a stop was asked for. */
  private reporter(subject: ProbeSubject): (progress: EvaluationProgress) => void {
    const { onProgress, signal } = this.context;
    return (progress) => {
      if (signal?.requested) throw new EvaluationStopped();
      onProgress?.(progress, subject);
    };
  }

  private corruptedSets(extract: Extract, name: FeatureName): CorruptedSets {
    const { test, experiment: { data } } = this.context;
    const settings = { seed: data.seed, side: data.image_size, mean: data.mean, std: data.std };
    return {
      corruptions: CORRUPTIONS,
      severities: SEVERITIES,
      source: `those of ${strengthsFor(data.image_size).source}`,
      features: async (corruption, severity) => {
        const batches = corruptedBatches(this.testImages.evalBatches(EVALUATION_BATCH), { ...settings, corruption: corruption as Corruption, severity: severity as Severity });
        return (await extract('test-features', batches, [name], test.length))[name]!;
      },
    };
  }

  private augmentation(extract: Extract, name: FeatureName) {
    return {
      featureEpochs: async (epoch: number) => (await extract('train-features', epochOf(this.augmentedImages, epoch), [name]))[name]!,
      augmentation: { cropScale: MAE_AUGMENTATION.crop_scale, flip: MAE_AUGMENTATION.flip },
    };
  }
}

/** The batches of one epoch; the rest of the last one is left out. */
async function* epochOf(loader: ImageLoader, epoch: number): AsyncGenerator<LabelledImages> {
  const steps = loader.stepsPerEpoch;
  yield* loader.trainBatches(epoch * steps, (epoch + 1) * steps);
}

/** Images of each part that `featureParts` makes of so many batches. */
function partSizes(batches: number, batchSize: number, partImages: number): number[] {
  const perPart = Math.ceil(partImages / batchSize);
  return Array.from({ length: Math.ceil(batches / perPart) }, (_, part) => batchSize * Math.min(perPart, batches - part * perPart));
}

async function firstOf<Item>(items: AsyncGenerator<Item>): Promise<Item> {
  const { value } = await items.next();
  await items.return(undefined);
  return value as Item;
}

function patchesOf({ imageSize, patchSize }: { readonly imageSize: number; readonly patchSize: number }): number {
  return (imageSize / patchSize) ** 2;
}
