/**
 * Linear probes of frozen features, in two presets:
 *
 * - `mae`: the official protocol (He et al. 2022, main_linprobe.py): BatchNorm1d(affine=False) → Linear, LARS,
 *   lr = 0.1·B/256 with B = 16384, 90 epochs with 10 of warm-up, half-cosine per step, no weight decay. The last
 *   epoch is reported; the original reports the best one on the test set.
 * - `small`: cached features without augmentation, momentum SGD, and a sweep of learning rates. The rate is chosen on
 *   a held-out tenth of the *training* features; the probe is then trained anew on all of them and scored once on the
 *   test set. Test images and labels influence nothing that is trained or chosen.
 */
import type { Engine } from '../engines/engine';
import { countClasses } from './accuracy';
import type { Accuracy } from './accuracy';
import { BATCH_NORM_EPS, BATCH_NORM_MOMENTUM } from './batch-norm';
import { freshEveryEpoch, sameEveryEpoch } from './epoch-parts';
import { checkFeatures } from './features';
import type { LabelledFeatures } from './features';
import { scoreHeads } from './head-trainer';
import { linearHeads } from './linear-head';
import { fitProbe, sweepRecord, type ProbePreset, type SweepEntry } from './probe-fit';
import { LARS_TRUST, PROBE_MOMENTUM } from './probe-optimizers';
import type { ProbeOptimizer } from './probe-optimizers';

export const PROBE_PRESETS: Readonly<Record<ProbePreset['name'], ProbePreset>> = {
  mae: { name: 'mae', optimizer: 'lars', batchSize: 16_384, baseLearningRates: [0.1], epochs: 90, warmupEpochs: 10 },
  small: { name: 'small', optimizer: 'sgd', batchSize: 1024, baseLearningRates: [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1], epochs: 100, warmupEpochs: 0 },
};

/**
 * LARS moves weights by a share of their own norm, lr·trust, which with lr ∝ batch adds up to a multiple of
 * images × epochs whatever the batch. Below this many images seen, the weights stay near where they started.
 */
const LARS_IMAGES = 3_000_000;
const LARS_NOTE = 'So few images leave LARS short of convergence at the official learning rate: raise `epochs`, or use `preset: small`.';

/** How the training images of a probe were changed, afresh in each epoch. */
export interface ProbeAugmentation {
  /** Share of the image's area that a RandomResizedCrop takes. */
  readonly cropScale: readonly [number, number];
  /** Probability of a horizontal flip. */
  readonly flip: number;
}

export interface LinearProbeOptions {
  readonly preset: ProbePreset;
  /** Default: the preset's. */
  readonly epochs?: number;
  /** Known number of classes; default: what the labels show. */
  readonly classes?: number;
  readonly seed: number;
  /**
   * Training features of an epoch, where they are augmented afresh; default: the same features every epoch.
   * Each epoch is asked for once, in order; all must have the same size.
   */
  readonly featureEpochs?: (epoch: number) => Promise<LabelledFeatures>;
  /** How the images behind `featureEpochs` were augmented, for the record. */
  readonly augmentation?: ProbeAugmentation;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface LinearProbeResult extends Accuracy {
  readonly protocol: 'linear';
  readonly preset: ProbePreset['name'];
  /** On the un-augmented training features. */
  readonly trainTop1: number;
  /** Mean cross-entropy of the last epoch; null where it diverged. */
  readonly trainLoss: number | null;
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
  /** How the training images were augmented, where the caller tells; else whether they were. */
  readonly augmentation: boolean | ProbeAugmentation;
  /** The learning rates that were tried, where several were. */
  readonly sweep?: { readonly chosenOn: string; readonly validationImages: number; readonly tried: readonly SweepEntry[] };
  readonly trainImages: number;
  readonly testImages: number;
  readonly classes: number;
  readonly seed: number;
  /** What a reader of the figures should know. */
  readonly note?: string;
}

/**
 * @param train un-augmented features of the training images
 * @param test features of the images that are reported on
 * @throws UserError where features are not finite, labels are missing or there are too few images
 */
export async function linearProbe(engine: Engine, train: LabelledFeatures, test: LabelledFeatures, options: LinearProbeOptions): Promise<LinearProbeResult> {
  checkFeatures(train, 'training');
  checkFeatures(test, 'test');
  const { preset, seed } = options;
  const classes = countClasses(options.classes, train.labels, test.labels);
  const { featureEpochs, augmentation, epochs: wanted, onProgress } = options;
  const training = () => (featureEpochs ? freshEveryEpoch(featureEpochs) : Promise.resolve(sameEveryEpoch(train)));
  const fitted = await fitProbe(engine, train, training, { family: linearHeads, preset, epochs: wanted, classes, seed, onProgress });
  const { heads, batchSize, blr, lr, epochs, warmupEpochs, trainLoss } = fitted;
  try {
    const [onTest] = await scoreHeads(engine, heads, test);
    const [onTrain] = await scoreHeads(engine, heads, train);
    return {
      protocol: 'linear',
      preset: preset.name,
      ...onTest!.result(),
      trainTop1: onTrain!.top1,
      trainLoss,
      head: `BatchNorm1d(affine=False, eps ${BATCH_NORM_EPS}, momentum ${BATCH_NORM_MOMENTUM}), Linear`,
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
      augmentation: featureEpochs === undefined ? false : (augmentation ?? true),
      ...sweepRecord(fitted),
      trainImages: train.labels.length,
      testImages: test.labels.length,
      classes,
      seed,
      ...(preset.optimizer === 'lars' && train.labels.length * epochs < LARS_IMAGES ? { note: LARS_NOTE } : {}),
    };
  } finally {
    heads.state.dispose();
  }
}
