/** A protocol of the experiment's `evaluate` list, from frozen features to the result that the run keeps. */
import type { EvaluationConfig } from '../../core/config/schema';
import type { Engine } from '../engines/engine';
import { FEATURE_SOURCES } from './features';
import type { FeatureKind, LabelledFeatures } from './features';
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
  /** Wall time of the protocol; of computing the features, where the caller adds it. */
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

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}
