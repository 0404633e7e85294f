/** Fits a head to frozen features: the learning rate is swept on training features alone, then the head is trained on all of them. */
import { UserError } from '../../core/problems';
import type { Engine } from '../engines/engine';
import { RandomStream } from '../random';
import { sameEveryEpoch, type EpochParts } from './epoch-parts';
import { selectRows, type LabelledFeatures } from './features';
import type { HeadFamily } from './head-family';
import { scoreHeads, trainHeads, type TrainedHeads } from './head-trainer';
import type { ProbeOptimizer } from './probe-optimizers';

/** What of a protocol does not depend on the data. */
export interface ProbePreset {
  readonly name: 'mae' | 'small';
  readonly optimizer: ProbeOptimizer;
  /** Largest batch; see `probeBatchSize`. */
  readonly batchSize: number;
  /** lr = blr · batch/256. More than one: swept. */
  readonly baseLearningRates: readonly number[];
  readonly epochs: number;
  readonly warmupEpochs: number;
}

export interface ProbeFit {
  readonly family: HeadFamily;
  readonly preset: ProbePreset;
  /** Default: the preset's. */
  readonly epochs?: number;
  readonly classes: number;
  readonly seed: number;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface SweepEntry {
  readonly blr: number;
  readonly lr: number;
  /** On the held-out training features. */
  readonly validationTop1: number;
  /** Mean cross-entropy of the last epoch; null where the head diverged. */
  readonly trainLoss: number | null;
}

interface Sweep {
  readonly blr: number;
  readonly validationImages: number;
  readonly tried: readonly SweepEntry[];
}

/** One trained head; dispose `heads.state` when it is scored. */
export interface FittedProbe {
  readonly heads: TrainedHeads;
  readonly batchSize: number;
  readonly blr: number;
  readonly lr: number;
  readonly epochs: number;
  readonly warmupEpochs: number;
  /** Mean cross-entropy of the last epoch; null where it diverged. */
  readonly trainLoss: number | null;
  /** Where several learning rates were tried. */
  readonly sweep?: Sweep;
}

/** Share of the training features on which the sweep chooses. */
const VALIDATION_SHARE = 0.1;

/**
 * @param known un-augmented training features on which learning rates are compared
 * @param training what the head is trained on
 */
export async function fitProbe(engine: Engine, known: LabelledFeatures, training: () => Promise<EpochParts>, fit: ProbeFit): Promise<FittedProbe> {
  const { preset } = fit;
  const epochs = fit.epochs ?? preset.epochs;
  const warmupEpochs = epochs === preset.epochs ? preset.warmupEpochs : (preset.warmupEpochs * epochs) / preset.epochs;
  const sweeps = preset.baseLearningRates.length > 1;
  const progress = new Progress(epochs * (sweeps ? 2 : 1), fit.onProgress);

  const train: TrainStacked = async (parts, blrs) => {
    const batchSize = probeBatchSize(preset, Math.max(...parts.sizes));
    const learningRates = blrs.map((blr) => (blr * batchSize) / 256);
    const { family, classes, seed } = fit;
    const heads = await trainHeads(engine, parts, { family, optimizer: preset.optimizer, learningRates, classes, batchSize, epochs, warmupEpochs, seed, onEpoch: () => progress.step() });
    return { batchSize, learningRates, heads };
  };

  const sweep = sweeps ? await sweepLearningRates(engine, known, fit, train) : undefined;
  const blr = sweep?.blr ?? preset.baseLearningRates[0]!;
  const { batchSize, learningRates, heads } = await train(await training(), [blr]);
  return { heads, batchSize, blr, lr: learningRates[0]!, epochs, warmupEpochs, trainLoss: finiteOrNull(heads.trainLoss[0]!), ...(sweep ? { sweep } : {}) };
}

/** `mae`: the preset's batch, or the whole set where that is smaller. `small`: at least eight steps an epoch. */
export function probeBatchSize(preset: ProbePreset, images: number): number {
  if (preset.name === 'mae') return Math.min(preset.batchSize, images);
  return Math.max(1, Math.min(preset.batchSize, Math.floor(images / 8)));
}

/** What a result says of a sweep. */
export function sweepRecord({ sweep }: FittedProbe) {
  return sweep ? { sweep: { chosenOn: 'a held-out tenth of the training images', validationImages: sweep.validationImages, tried: sweep.tried } } : {};
}

type TrainStacked = (parts: EpochParts, blrs: readonly number[]) => Promise<{ batchSize: number; learningRates: readonly number[]; heads: TrainedHeads }>;

/** Trains one head a learning rate on nine tenths of the features and compares them on the rest; ties go to the lower rate. */
async function sweepLearningRates(engine: Engine, known: LabelledFeatures, { preset, seed }: ProbeFit, train: TrainStacked): Promise<Sweep> {
  const count = known.labels.length;
  if (count < 2) throw new UserError('MIM6004', `A probe needs at least two training images; there is ${count}.`, 'Check `data.path` and `data.limit`.');
  const order = new RandomStream(seed, 'probe-validation').permutation(count);
  const validationImages = Math.max(1, Math.round(count * VALIDATION_SHARE));
  const validation = selectRows(known, order.subarray(0, validationImages));
  const rest = selectRows(known, order.subarray(validationImages));
  const { learningRates, heads } = await train(sameEveryEpoch(rest), preset.baseLearningRates);
  try {
    const counters = await scoreHeads(engine, heads, validation);
    const tried = counters.map((counter, i): SweepEntry => ({ blr: preset.baseLearningRates[i]!, lr: learningRates[i]!, validationTop1: counter.top1, trainLoss: finiteOrNull(heads.trainLoss[i]!) }));
    const best = tried.reduce((a, b) => (b.validationTop1 > a.validationTop1 ? b : a));
    return { blr: best.blr, validationImages, tried };
  } finally {
    heads.state.dispose();
  }
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

class Progress {
  private done = 0;
  constructor(
    private readonly total: number,
    private readonly report: ProbeFit['onProgress'],
  ) {}

  step(): void {
    this.report?.(++this.done, this.total);
  }
}
