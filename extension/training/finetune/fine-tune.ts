/** Fine-tuning as a protocol: an encoder trained end to end on the training images, scored on the test images after every epoch. */
import type { ResolvedExperiment } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import { float32 } from '../../core/tensors';
import { ImageLoader } from '../data/loader';
import type { ImageSource } from '../data/source';
import type { CompiledProgram, Engine, Program, StateStore } from '../engines/engine';
import { AccuracyCounter, type Accuracy } from '../evaluation/accuracy';
import type { LabelledImages } from '../evaluation/features';
import { trainingPrograms } from '../step';
import { createStepRunner } from '../step-runner';
import type { PreparedTeacher } from '../teachers/prepare';
import { timelineOf } from '../timeline';
import { FineTunedEncoder } from './fine-tuned-encoder';
import { fineTuningExperiment, type FineTuneRecipe } from './recipe';

interface FineTuneOptions {
  readonly experiment: ResolvedExperiment;
  readonly recipe: FineTuneRecipe;
  readonly train: ImageSource;
  readonly test: TestImages;
  readonly onUnreadable?: (name: string, reason: string) => void;
  /** Told of steps done, and while the test images are scored; what it throws ends the training. */
  readonly onProgress?: (done: number, total: number) => void;
}

interface TestImages {
  readonly images: number;
  readonly batchSize: number;
  /** Under the evaluation crop; the last may be short. */
  batches(): AsyncIterable<LabelledImages>;
}

/** Accuracy is that of the last epoch, on the test images. */
export interface FineTuneResult extends Accuracy, Omit<FineTuneRecipe, 'crops'> {
  readonly protocol: 'finetune';
  /** The epoch, from 1, whose accuracy on the test images was highest: chosen on what it is measured on, as official logs report it. */
  readonly bestEpoch: { readonly epoch: number; readonly top1: number; readonly chosenOn: 'the test images' };
  /** After every epoch. */
  readonly top1ByEpoch: readonly number[];
  /** Mean over the steps of the last epoch, of mixed images and targets. */
  readonly trainLoss: number;
  readonly optimizer: 'adamw';
  readonly schedule: 'half-cosine per step';
  readonly head: string;
  readonly augmentation: { readonly cropScale: readonly number[]; readonly flip: number };
  readonly trainImages: number;
  readonly testImages: number;
  readonly classes: number;
  readonly features: 'mean';
  readonly featureSource: string;
  readonly featureWidth: number;
  readonly seed: number;
  readonly engine: string;
  /** Wall time, of scoring too. */
  readonly seconds: number;
}

/**
 * @param encoder where it begins; its tensors are not changed
 * @throws UserError MIM6008 where the loss does not stay finite
 */
export async function fineTune(engine: Engine, encoder: PreparedTeacher, options: FineTuneOptions): Promise<FineTuneResult> {
  const { recipe, train, test } = options;
  const classes = train.classNames.length;
  const { data: { image_size: imageSize }, seed } = options.experiment;
  const started = performance.now();
  const method = new FineTunedEncoder(encoder, { ...recipe, classes, imageSize });
  const epochs = await trainEpochs(engine, method, options);
  const { counter, trainLoss } = epochs.at(-1)!;
  const top1ByEpoch = epochs.map((epoch) => epoch.counter.top1);
  const highest = Math.max(...top1ByEpoch);
  const { crops, ...knobs } = recipe;
  return {
    protocol: 'finetune',
    ...counter.result(),
    bestEpoch: { epoch: top1ByEpoch.indexOf(highest) + 1, top1: highest, chosenOn: 'the test images' },
    top1ByEpoch,
    trainLoss,
    ...knobs,
    optimizer: 'adamw',
    schedule: 'half-cosine per step',
    head: 'LayerNorm, Linear; the pretrained final norm is left out',
    augmentation: { cropScale: crops.crop_scale, flip: crops.flip },
    trainImages: train.length,
    testImages: test.images,
    classes,
    features: 'mean',
    featureSource: 'mean of the patch tokens after the last block',
    featureWidth: encoder.shape.width,
    seed,
    engine: engine.kind,
    seconds: Math.round(performance.now() - started) / 1000,
  };
}

interface Epoch {
  /** On the test images, after it. */
  readonly counter: AccuracyCounter;
  readonly trainLoss: number;
}

async function trainEpochs(engine: Engine, method: FineTunedEncoder, options: FineTuneOptions): Promise<Epoch[]> {
  const { train, onUnreadable, onProgress } = options;
  const experiment = fineTuningExperiment(options.experiment, options.recipe);
  const { data, optimizer, seed } = experiment;
  const timeline = timelineOf(experiment, train.length);
  const programs = trainingPrograms(method, experiment);
  const loader = new ImageLoader(train, { config: data, batchSize: optimizer.batch_size, seed, onUnreadable });
  const state = engine.createState(programs.initialState(seed));
  const scorer = await engine.compile(logitsProgram(method, options.test.batchSize));
  const steps = await createStepRunner(engine, programs, method, experiment, timeline);
  const epochs: Epoch[] = [];
  let losses: number[] = [];
  try {
    for await (const batch of loader.trainBatches(0, timeline.totalSteps)) {
      const [reading] = await steps.run(state, [batch]);
      const { step, loss } = reading!;
      requireFinite(loss, step);
      losses.push(loss);
      const report = (): void => onProgress?.(step, timeline.totalSteps);
      report();
      if (losses.length < timeline.stepsPerEpoch) continue;
      epochs.push({ counter: await score(scorer, state, options.test, train.classNames.length, report), trainLoss: meanOf(losses) });
      losses = [];
    }
    return epochs;
  } finally {
    await Promise.allSettled([steps.dispose(), scorer.dispose(), loader.close()]);
    state.dispose();
  }
}

/** Reading: `logits` [B, C] of images as they are. */
export function logitsProgram(method: FineTunedEncoder, batchSize: number): Program {
  const { images } = method.batchSpecs(batchSize);
  return {
    name: 'finetune logits',
    state: method.parameters,
    constants: method.constants,
    batch: { images: images! },
    run: ({ state, constants, batch }) => ({ state: {}, readings: { logits: method.logits({ ...constants, ...state }, batch.images!) } }),
  };
}

async function score(scorer: CompiledProgram, state: StateStore, test: TestImages, classes: number, report: () => void): Promise<AccuracyCounter> {
  const counter = new AccuracyCounter(classes);
  const { shape } = scorer.program.batch.images!;
  for await (const { images, labels } of test.batches()) {
    const padded = float32(shape);
    padded.data.set(images);
    const [readings] = await scorer.run(state, [{ images: padded }]);
    labels.forEach((label, row) => counter.add(label, readings!.logits!.data, row * classes));
    report();
  }
  return counter;
}

function requireFinite(loss: number, step: number): void {
  if (Number.isFinite(loss)) return;
  throw new UserError('MIM6008', `The loss of fine-tuning became ${loss} at step ${step}.`, 'Fine-tune at a lower `blr`.');
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
