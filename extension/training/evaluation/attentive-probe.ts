/**
 * Attentive probes of frozen patch tokens by efficient probing (EP, see attentive-head.ts), in two presets:
 *
 * - `mae`: the official protocol (billpsomas/efficient-probing, main_linprobe.py with --cls_features ep): 32 queries, LARS,
 *   lr = 0.1·B/256 with B = 4096, 90 epochs with 10 of warm-up, half-cosine per step, no weight decay, augmented images. The last
 *   epoch is reported; the original reports the best one on the test set.
 * - `small`: no augmentation, momentum SGD, and a sweep of learning rates on a held-out tenth of training images.
 *
 * The tokens of an image are L·D numbers, so they come in parts that fit into memory.
 */
import type { Engine } from '../engines/engine';
import type { Accuracy } from './accuracy';
import { attentiveHeads, fittingQueries } from './attentive-head';
import { BATCH_NORM_EPS, BATCH_NORM_MOMENTUM } from './batch-norm';
import type { EpochParts } from './epoch-parts';
import { checkFeatures, type LabelledFeatures } from './features';
import { scoreParts } from './head-trainer';
import type { ProbeAugmentation } from './linear-probe';
import { fitProbe, sweepRecord, type ProbePreset, type SweepEntry } from './probe-fit';
import { LARS_TRUST, PROBE_MOMENTUM, type ProbeOptimizer } from './probe-optimizers';

export const ATTENTIVE_PRESETS: Readonly<Record<ProbePreset['name'], ProbePreset>> = {
  mae: { name: 'mae', optimizer: 'lars', batchSize: 4096, baseLearningRates: [0.1], epochs: 90, warmupEpochs: 10 },
  small: { name: 'small', optimizer: 'sgd', batchSize: 512, baseLearningRates: [0.01, 0.03, 0.1, 0.3, 1], epochs: 50, warmupEpochs: 0 },
};

/** A labelled set whose tokens are computed whenever they are read. */
export interface TokenSet {
  readonly images: number;
  /** Images of the largest part. */
  readonly partImages: number;
  /** [n, L·D] each, in the order of the set. */
  parts(): AsyncIterable<LabelledFeatures>;
}

interface AttentiveProbeOptions {
  readonly preset: ProbePreset;
  /** Default: the preset's. */
  readonly epochs?: number;
  /** Q; the most that divide the width D are used, at most so many. */
  readonly queries: number;
  /** L, patch tokens an image. */
  readonly tokens: number;
  readonly classes: number;
  readonly seed: number;
  /** Un-augmented tokens of training images on which learning rates are compared: all of them, or as many as fit into memory. */
  readonly known: LabelledFeatures;
  readonly training: EpochParts;
  readonly train: TokenSet;
  readonly test: TokenSet;
  /** How the training images are augmented, where they are. */
  readonly augmentation?: ProbeAugmentation;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface AttentiveProbeResult extends Accuracy {
  readonly protocol: 'attentive';
  readonly preset: ProbePreset['name'];
  /** On the un-augmented training images. */
  readonly trainTop1: number;
  /** Mean cross-entropy of the last epoch; null where it diverged. */
  readonly trainLoss: number | null;
  readonly queries: number;
  readonly tokens: number;
  readonly head: string;
  readonly optimizer: ProbeOptimizer;
  readonly momentum: number;
  /** LARS only. */
  readonly trust?: number;
  readonly weightDecay: 0;
  readonly batchSize: number;
  readonly blr: number;
  readonly lr: number;
  readonly epochs: number;
  readonly warmupEpochs: number;
  readonly schedule: 'half-cosine to 0, per step';
  readonly augmentation: false | ProbeAugmentation;
  /** The learning rates that were tried, where several were. */
  readonly sweep?: { readonly chosenOn: string; readonly validationImages: number; readonly tried: readonly SweepEntry[] };
  readonly trainImages: number;
  readonly testImages: number;
  readonly classes: number;
}

/** @throws UserError where tokens are not finite, labels are missing or there are too few images */
export async function attentiveProbe(engine: Engine, options: AttentiveProbeOptions): Promise<AttentiveProbeResult> {
  const { preset, epochs: wanted, tokens, classes, seed, known, training, train, test, augmentation, onProgress } = options;
  checkFeatures(known, 'training');
  const queries = fittingQueries(options.queries, training.width / tokens);
  const fitted = await fitProbe(engine, known, () => Promise.resolve(training), { family: attentiveHeads(tokens, queries), preset, epochs: wanted, classes, seed, onProgress });
  const { heads, batchSize, blr, lr, epochs, warmupEpochs, trainLoss } = fitted;
  try {
    const [onTest] = await scoreParts(engine, heads, test.partImages, checked(test, 'test'));
    const [onTrain] = await scoreParts(engine, heads, train.partImages, checked(train, 'training'));
    return {
      protocol: 'attentive',
      preset: preset.name,
      ...onTest!.result(),
      trainTop1: onTrain!.top1,
      trainLoss,
      queries,
      tokens,
      head: `${queries} queries over ${tokens} patch tokens, BatchNorm1d(affine=False, eps ${BATCH_NORM_EPS}, momentum ${BATCH_NORM_MOMENTUM}), Linear`,
      optimizer: preset.optimizer,
      momentum: PROBE_MOMENTUM,
      ...(preset.optimizer === 'lars' ? { trust: LARS_TRUST } : {}),
      weightDecay: 0,
      batchSize,
      blr,
      lr,
      epochs,
      warmupEpochs,
      schedule: 'half-cosine to 0, per step',
      augmentation: augmentation ?? false,
      ...sweepRecord(fitted),
      trainImages: train.images,
      testImages: test.images,
      classes,
    };
  } finally {
    heads.state.dispose();
  }
}

async function* checked(set: TokenSet, which: string): AsyncGenerator<LabelledFeatures> {
  for await (const part of set.parts()) {
    checkFeatures(part, which);
    yield part;
  }
}
