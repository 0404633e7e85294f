/** A protocol of the experiment's `evaluate` list, from encoder and images to the result that the run keeps. */
import type { EvaluationConfig } from '../../core/config/schema';
import type { Engine } from '../engines/engine';
import { FEATURE_SOURCES, runEncoder } from './features';
import type { Encoder, FeatureKind, LabelledImages, LabelledFeatures } from './features';
import { knn } from './knn';
import type { KnnResult } from './knn';
import { linearProbe, PROBE_PRESETS } from './linear-probe';
import type { LinearProbeResult } from './linear-probe';

/** As written to `evaluations/<protocol>-<step>.json`: every figure with every knob that shaped it. */
export type EvaluationResult = (KnnResult | LinearProbeResult) & {
  readonly features: FeatureKind;
  /** Where the features were read, in words. */
  readonly featureSource: string;
  readonly featureWidth: number;
  readonly seed: number;
  readonly engine: string;
  /** Wall time of the protocol, and of computing the features where that was part of it. */
  readonly seconds: number;
  readonly featureSeconds?: number;
};

/** How far an evaluation is: images whose features are computed, then steps of the protocol. */
export interface EvaluationProgress {
  readonly phase: 'train-features' | 'test-features' | 'probe';
  readonly done: number;
  readonly total?: number;
}

export interface FeatureEvaluation {
  readonly engine: Engine;
  readonly config: EvaluationConfig;
  /** Of the kind `config.features`, without augmentation. */
  readonly train: LabelledFeatures;
  readonly test: LabelledFeatures;
  readonly classes?: number;
  readonly seed: number;
  /** Preset `mae`: augmented training features of an epoch. */
  readonly featureEpochs?: (epoch: number) => Promise<LabelledFeatures>;
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

/** Evaluates features that are already there. */
export async function evaluateFeatures({ engine, config, train, test, classes, seed, featureEpochs, onProgress }: FeatureEvaluation): Promise<EvaluationResult> {
  const started = performance.now();
  const report = (done: number, total: number): void => onProgress?.({ phase: 'probe', done, total });
  const result =
    config.protocol === 'knn'
      ? await knn(engine, train, test, { k: config.k, temperature: config.temperature, classes, onProgress: report })
      : await linearProbe(engine, train, test, { preset: PROBE_PRESETS[config.preset], epochs: config.epochs, classes, seed, featureEpochs, onProgress: report });
  return {
    ...result,
    features: config.features,
    featureSource: FEATURE_SOURCES[config.features],
    featureWidth: train.width,
    seed,
    engine: engine.kind,
    seconds: secondsSince(started),
  };
}

export interface ProbeLoaders {
  /** Centre-cropped training images, in index order. */
  train(batchSize: number): AsyncIterable<LabelledImages>;
  /** Centre-cropped test images. */
  test(batchSize: number): AsyncIterable<LabelledImages>;
  /** Augmented training images of a probe epoch (preset `mae`: RandomResizedCrop, flip). Every epoch has as many. */
  augmented?(epoch: number, batchSize: number): AsyncIterable<LabelledImages>;
}

export interface Probe {
  readonly engine: Engine;
  readonly encoder: Encoder;
  readonly loaders: ProbeLoaders;
  readonly evaluationConfig: EvaluationConfig;
  readonly classes?: number;
  readonly seed: number;
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

/** Computes the features of both sets and evaluates them. */
export async function probe({ engine, encoder, loaders, evaluationConfig: config, classes, seed, onProgress }: Probe): Promise<EvaluationResult> {
  const started = performance.now();
  const batchSize = encoder.program.batch.images!.shape[0]!;
  const compiled = await engine.compile(encoder.program);
  try {
    const featuresOf = async (batches: AsyncIterable<LabelledImages>, phase?: 'train-features' | 'test-features'): Promise<LabelledFeatures> => {
      const both = await runEncoder(compiled, encoder.state, batches, (done) => phase && onProgress?.({ phase, done }));
      return both[config.features];
    };
    const train = await featuresOf(loaders.train(batchSize), 'train-features');
    const test = await featuresOf(loaders.test(batchSize), 'test-features');
    const featureSeconds = secondsSince(started);
    const augments = config.protocol === 'linear' && config.preset === 'mae' && loaders.augmented !== undefined;
    const featureEpochs = augments ? rememberLatest((epoch) => featuresOf(loaders.augmented!(epoch, batchSize))) : undefined;
    const result = await evaluateFeatures({ engine, config, train, test, classes, seed, featureEpochs, onProgress });
    return { ...result, featureSeconds };
  } finally {
    await compiled.dispose();
  }
}

/** An epoch that is asked for again is not computed again. */
function rememberLatest<T>(compute: (epoch: number) => Promise<T>): (epoch: number) => Promise<T> {
  let latest: { epoch: number; value: Promise<T> } | undefined;
  return (epoch) => {
    if (latest?.epoch !== epoch) latest = { epoch, value: compute(epoch) };
    return latest.value;
  };
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}
