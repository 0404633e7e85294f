/**
 * Trains stacked linear heads on features and scores them; the loop shared by every preset of the linear probe.
 * Rates warm up linearly and follow half a cosine to 0, per step.
 */
import { float32, int32 } from '../../core/tensors';
import type { CompiledProgram, Engine, HostBatch, StateStore } from '../engines/engine';
import { RandomStream } from '../random';
import { learningRate } from '../schedule';
import { AccuracyCounter } from './accuracy';
import type { LabelledFeatures } from './features';
import { headEvalProgram, headTrainProgram, initialHeads } from './linear-head';
import type { HeadSizes } from './linear-head';
import type { ProbeOptimizer } from './probe-optimizers';

/** Host memory of the batches that are handed to the engine at once. */
const GROUP_BYTES = 32 * 2 ** 20;
const GROUP_STEPS = 64;
/** Logits read back at once. */
const EVAL_VALUES = 4 * 2 ** 20;

interface HeadTraining {
  readonly optimizer: ProbeOptimizer;
  /** Peak learning rate of each head. */
  readonly learningRates: readonly number[];
  readonly classes: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly warmupEpochs: number;
  readonly seed: number;
  readonly onEpoch?: (epoch: number) => void;
}

/** Heads after training; dispose when scored. */
export interface TrainedHeads {
  readonly sizes: HeadSizes;
  readonly state: StateStore;
  /** Mean cross-entropy of each head over the last epoch. */
  readonly trainLoss: readonly number[];
}

/**
 * @param features gives the training features of an epoch: the same ones where they are cached, fresh ones where
 * images are augmented. Every epoch must have the same number of rows and width.
 */
export async function trainHeads(engine: Engine, features: (epoch: number) => Promise<LabelledFeatures>, training: HeadTraining): Promise<TrainedHeads> {
  const { batchSize, epochs, warmupEpochs, learningRates, classes, seed } = training;
  let set = await features(0);
  const sizes: HeadSizes = { heads: learningRates.length, classes, width: set.width };
  const stepsPerEpoch = Math.floor(set.labels.length / batchSize);
  const state = engine.createState(initialHeads(sizes, new RandomStream(seed, 'probe-weights')));
  const compiled = await engine.compile(headTrainProgram(sizes, batchSize, training.optimizer));
  let trainLoss: readonly number[] = [];
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      if (epoch > 0) set = await features(epoch);
      const order = new RandomStream(seed, 'probe-order', epoch).permutation(set.labels.length);
      const ratesAt = (step: number): number[] => learningRates.map((peak) => learningRate(epoch * stepsPerEpoch + step, { peak, minimum: 0, epochs, warmupEpochs, stepsPerEpoch }));
      trainLoss = await trainEpoch(compiled, state, set, order, stepsPerEpoch, batchSize, ratesAt);
      training.onEpoch?.(epoch + 1);
    }
  } finally {
    await compiled.dispose();
  }
  return { sizes, state, trainLoss };
}

async function trainEpoch(
  compiled: CompiledProgram,
  state: StateStore,
  set: LabelledFeatures,
  order: Uint32Array,
  steps: number,
  batchSize: number,
  ratesAt: (step: number) => readonly number[],
): Promise<number[]> {
  const groupSteps = Math.max(1, Math.min(GROUP_STEPS, Math.floor(GROUP_BYTES / (batchSize * set.width * 4))));
  const lossSums = new Float64Array(ratesAt(0).length);
  for (let first = 0; first < steps; first += groupSteps) {
    const group: HostBatch[] = [];
    for (let step = first; step < Math.min(steps, first + groupSteps); step++) {
      const rates = Float32Array.from(ratesAt(step));
      group.push({ ...gatherRows(set, order.subarray(step * batchSize, (step + 1) * batchSize)), lr: float32([rates.length], rates) });
    }
    for (const readings of await compiled.run(state, group)) readings.loss!.data.forEach((loss, head) => (lossSums[head]! += loss));
  }
  return Array.from(lossSums, (sum) => sum / steps);
}

function gatherRows({ features, width, labels }: LabelledFeatures, rows: Uint32Array): HostBatch {
  const data = new Float32Array(rows.length * width);
  const rowLabels = new Int32Array(rows.length);
  rows.forEach((row, i) => {
    data.set(features.subarray(row * width, (row + 1) * width), i * width);
    rowLabels[i] = labels[row]!;
  });
  return { features: float32([rows.length, width], data), labels: int32([rows.length], rowLabels) };
}

/** Accuracy of each head on a set, with the running statistics. */
export async function scoreHeads(engine: Engine, { sizes, state }: TrainedHeads, set: LabelledFeatures): Promise<AccuracyCounter[]> {
  const { heads, classes, width } = sizes;
  const count = set.labels.length;
  const batchSize = Math.min(count, Math.max(1, Math.floor(EVAL_VALUES / Math.max(width, heads * classes))));
  const counters = Array.from({ length: heads }, () => new AccuracyCounter(classes));
  const compiled = await engine.compile(headEvalProgram(sizes, batchSize));
  try {
    for (let first = 0; first < count; first += batchSize) {
      const available = Math.min(batchSize, count - first);
      const data = new Float32Array(batchSize * width);
      data.set(set.features.subarray(first * width, (first + available) * width));
      const [readings] = await compiled.run(state, [{ features: float32([batchSize, width], data) }]);
      const logits = readings!.logits!.data;
      for (let row = 0; row < available; row++) {
        counters.forEach((counter, head) => counter.add(set.labels[first + row]!, logits, (row * heads + head) * classes));
      }
    }
  } finally {
    await compiled.dispose();
  }
  return counters;
}
