/** A protocol of the experiment's `evaluate` list, from frozen features to the result that the run keeps. */
import { DEFAULT_DRAWS, DEFAULT_QUERIES } from '../../core/config/evaluation-choices';
import type { EvaluationConfig } from '../../core/config/schema';
import { collapseStd } from '../diagnostics/collapse';
import { rankMe } from '../diagnostics/rank-me';
import type { Engine } from '../engines/engine';
import { featureSource } from './features';
import type { LabelledFeatures, ReadKind } from './features';
import { attentiveProbe, ATTENTIVE_PRESETS, type AttentiveProbeResult } from './attentive-probe';
import { classify, type ClassifierHead, type ClassifierResult } from './classifier';
import type { FineTuneResult } from '../finetune/fine-tune';
import { fewShotProbe, type FewShotResult } from './few-shot';
import { knn } from './knn';
import type { KnnResult } from './knn';
import { linearProbe, PROBE_PRESETS } from './linear-probe';
import type { LinearProbeResult, ProbeAugmentation } from './linear-probe';
import { robustness, type CorruptedSets, type RobustnessResult } from './robustness';

/** Whether the features of the test images still differ: figures to watch where a student is its own teacher. */
interface FeatureHealth {
  /** See diagnostics/collapse.ts; absent for a single image. */
  readonly collapseStd?: number;
  /** See diagnostics/rank-me.ts; absent where features are wider than 256. */
  readonly rankMe?: number;
  /** Test images `rankMe` was computed of, evenly spaced. */
  readonly rankMeImages?: number;
}

/** As written to `evaluations/<protocol>-<step>.json`: every figure with every knob that shaped it. */
export type EvaluationResult = (KnnResult | LinearProbeResult | FewShotResult | AttentiveProbeResult | RobustnessResult | ClassifierResult | FineTuneResult) & FeatureHealth & {
  readonly features: ReadKind;
  /** The block, counted from 1, whose output was read, where layers were asked for. */
  readonly layer?: number;
  /** Where the features were read, in words. */
  readonly featureSource: string;
  readonly featureWidth: number;
  readonly seed: number;
  readonly engine: string;
  /** Wall time of the protocol; of computing the features, where the caller adds it. */
  readonly seconds: number;
  readonly featureSeconds?: number;
  /** The run beside this one whose figure this is, of a teacher or an untrained student. */
  readonly foundBy?: string;
};

/** How far an evaluation is: images whose features are computed, then steps of the protocol; of fine-tuning, optimizer steps. */
export interface EvaluationProgress {
  readonly phase: 'train-features' | 'test-features' | 'probe' | 'finetune';
  readonly done: number;
  readonly total?: number;
}

interface FeatureEvaluation {
  readonly engine: Engine;
  readonly config: EvaluationConfig;
  /** The block whose features these are; default: the last. */
  readonly layer?: number;
  /** Of the kind `config.features`, without augmentation. */
  readonly train: LabelledFeatures;
  readonly test: LabelledFeatures;
  readonly classes?: number;
  readonly seed: number;
  /** Which images keep their labels where a share of them does; default: `seed`. */
  readonly labelSeed?: number;
  /** Preset `mae`: augmented training features of an epoch. */
  readonly featureEpochs?: (epoch: number) => Promise<LabelledFeatures>;
  /** How those are augmented, for the record. */
  readonly augmentation?: ProbeAugmentation;
  /** Protocol `robustness`: the test images under corruptions. */
  readonly corrupted?: CorruptedSets;
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

/** Evaluates features that are already there. */
export async function evaluateFeatures(evaluation: FeatureEvaluation): Promise<EvaluationResult> {
  const { engine, config, layer, test, seed } = evaluation;
  const started = performance.now();
  const result = config.protocol === 'knn' ? await nearest(evaluation) : config.protocol === 'robustness' ? await corruptions(evaluation) : await probe(evaluation);
  return { ...result, ...circumstances(engine, config.features, test, seed, started, layer) };
}

function nearest(evaluation: FeatureEvaluation): Promise<KnnResult> {
  const { engine, config, train, test, classes } = evaluation;
  return knn(engine, train, test, { k: config.k, temperature: config.temperature, classes, onProgress: reporter(evaluation) });
}

function probe(evaluation: FeatureEvaluation): Promise<LinearProbeResult | FewShotResult> {
  const { engine, config, train, test, classes, seed, labelSeed = seed, featureEpochs, augmentation } = evaluation;
  const options = { preset: PROBE_PRESETS[config.preset], epochs: config.epochs, classes, seed, onProgress: reporter(evaluation) };
  const { label_fraction: fraction, draws = DEFAULT_DRAWS } = config;
  return fraction === undefined ? linearProbe(engine, train, test, { ...options, featureEpochs, augmentation }) : fewShotProbe(engine, train, test, { ...options, fraction, draws, labelSeed });
}

function corruptions(evaluation: FeatureEvaluation): Promise<RobustnessResult> {
  const { engine, config, train, test, classes, seed, corrupted } = evaluation;
  return robustness(engine, train, test, { preset: PROBE_PRESETS.small, epochs: config.epochs, classes, seed, corrupted: corrupted!, onProgress: reporter(evaluation) });
}

type TokenEvaluation = Pick<FeatureEvaluation, 'engine' | 'config' | 'layer' | 'seed' | 'onProgress'> &
  Pick<Parameters<typeof attentiveProbe>[1], 'tokens' | 'classes' | 'known' | 'training' | 'train' | 'test' | 'augmentation'>;

/** Evaluates patch tokens, which come in parts. */
export async function evaluateTokens(evaluation: TokenEvaluation): Promise<EvaluationResult> {
  const { engine, config, layer, seed, training, tokens } = evaluation;
  const started = performance.now();
  const { queries = DEFAULT_QUERIES, preset, epochs } = config;
  const result = await attentiveProbe(engine, { ...evaluation, preset: ATTENTIVE_PRESETS[preset], epochs, queries, onProgress: reporter(evaluation) });
  return { ...result, ...readFrom('patches', training.width / tokens, layer), ...howRun(engine, seed, started) };
}

function reporter({ onProgress }: Pick<FeatureEvaluation, 'onProgress'>): (done: number, total: number) => void {
  return (done, total) => onProgress?.({ phase: 'probe', done, total });
}

/** Evaluates the classifier an encoder was trained with. @param test features of the kind it reads */
export function evaluateClassifier(engine: Engine, head: ClassifierHead, test: LabelledFeatures, seed: number): EvaluationResult {
  const started = performance.now();
  const result = classify(head, test);
  return { ...result, ...circumstances(engine, head.features, test, seed, started) };
}

function circumstances(engine: Engine, features: ReadKind, test: LabelledFeatures, seed: number, started: number, layer?: number) {
  return { ...featureHealth(test), ...readFrom(features, test.width, layer), ...howRun(engine, seed, started) };
}

function readFrom(features: ReadKind, featureWidth: number, layer: number | undefined) {
  return { features, ...(layer === undefined ? {} : { layer }), featureSource: featureSource(features, layer), featureWidth };
}

function howRun(engine: Engine, seed: number, started: number) {
  return { seed, engine: engine.kind, seconds: secondsSince(started) };
}

/** The eigenvalues behind RankMe take O(D³), the matrix they are of O(N·D²): limits keep it under a second. */
const RANK_ME_WIDTH = 256;
const RANK_ME_IMAGES = 5000;

function featureHealth({ features, width, labels: { length: images } }: LabelledFeatures): FeatureHealth {
  if (images < 2) return {};
  const spread = collapseStd(features, width);
  if (width > RANK_ME_WIDTH) return { collapseStd: spread };
  const rankMeImages = Math.min(images, RANK_ME_IMAGES);
  return { collapseStd: spread, rankMe: rankMe(evenlySpaced(features, width, images, rankMeImages), width), rankMeImages };
}

/** Images are often sorted by class, so the first ones would not stand for all. */
function evenlySpaced(features: Float32Array, width: number, images: number, count: number): Float32Array {
  if (count === images) return features;
  const rows = new Float32Array(count * width);
  for (let i = 0; i < count; i++) {
    const row = Math.floor((i * images) / count);
    rows.set(features.subarray(row * width, (row + 1) * width), i * width);
  }
  return rows;
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}
