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
import { sameEveryEpoch, stepsOf, type EpochParts } from './epoch-parts';
import type { HeadFamily, HeadSizes } from './head-family';
import type { ProbeOptimizer } from './probe-optimizers';

/** Host memory of the batches that are handed to the engine at once. */
const GROUP_BYTES = 32 * 2 ** 20;
const GROUP_STEPS = 64;
/** Logits read back at once. */
const EVAL_VALUES = 4 * 2 ** 20;

interface HeadTraining {
  readonly family: HeadFamily;
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
  readonly family: HeadFamily;
  readonly sizes: HeadSizes;
  readonly state: StateStore;
  /** Mean cross-entropy of each head over the last epoch. */
  readonly trainLoss: readonly number[];
}

/** Trains stacked heads of a family, each with its own learning rate, from the same start on the same batches. */
export async function trainHeads(engine: Engine, features: EpochParts, training: HeadTraining): Promise<TrainedHeads> {
  const { family, batchSize, epochs, warmupEpochs, learningRates, classes, seed } = training;
  const sizes: HeadSizes = { heads: learningRates.length, classes, width: features.width };
  const stepsPerEpoch = stepsOf(features, batchSize);
  const state = engine.createState(family.initial(sizes, new RandomStream(seed, 'probe-weights')));
  const compiled = await engine.compile(family.trainProgram(sizes, batchSize, training.optimizer));
  let lossSums = new Float64Array(learningRates.length);
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      lossSums = new Float64Array(learningRates.length);
      let done = 0;
      let part = 0;
      for await (const set of features.parts(epoch)) {
        const order = new RandomStream(seed, 'probe-order', epoch, ...(part === 0 ? [] : [part])).permutation(set.labels.length);
        const steps = Math.floor(set.labels.length / batchSize);
        const before = done;
        const ratesAt = (step: number): number[] => learningRates.map((peak) => learningRate(epoch * stepsPerEpoch + before + step, { peak, minimum: 0, epochs, warmupEpochs, stepsPerEpoch }));
        const sums = await trainPart(compiled, state, set, order, steps, batchSize, ratesAt, learningRates.length);
        sums.forEach((sum, head) => (lossSums[head]! += sum));
        done += steps;
        part++;
      }
      training.onEpoch?.(epoch + 1);
    }
  } finally {
    await compiled.dispose();
  }
  return { family, sizes, state, trainLoss: Array.from(lossSums, (sum) => sum / stepsPerEpoch) };
}

/** @returns the sum over the steps of each head's cross-entropy */
async function trainPart(
  compiled: CompiledProgram,
  state: StateStore,
  set: LabelledFeatures,
  order: Uint32Array,
  steps: number,
  batchSize: number,
  ratesAt: (step: number) => readonly number[],
  heads: number,
): Promise<Float64Array> {
  const groupSteps = Math.max(1, Math.min(GROUP_STEPS, Math.floor(GROUP_BYTES / (batchSize * set.width * 4))));
  const lossSums = new Float64Array(heads);
  for (let first = 0; first < steps; first += groupSteps) {
    const group: HostBatch[] = [];
    for (let step = first; step < Math.min(steps, first + groupSteps); step++) {
      const rates = Float32Array.from(ratesAt(step));
      group.push({ ...gatherRows(set, order.subarray(step * batchSize, (step + 1) * batchSize)), lr: float32([rates.length], rates) });
    }
    for (const readings of await compiled.run(state, group)) readings.loss!.data.forEach((loss, head) => (lossSums[head]! += loss));
  }
  return lossSums;
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
export function scoreHeads(engine: Engine, heads: TrainedHeads, set: LabelledFeatures): Promise<AccuracyCounter[]> {
  return scoreParts(engine, heads, set.labels.length, sameEveryEpoch(set).parts(0));
}

/** The same of a set in parts, of which the largest has `count` images. */
export async function scoreParts(engine: Engine, { family, sizes, state }: TrainedHeads, count: number, parts: AsyncIterable<LabelledFeatures>): Promise<AccuracyCounter[]> {
  const { heads, classes, width } = sizes;
  const batchSize = Math.min(count, Math.max(1, Math.floor(EVAL_VALUES / Math.max(width, heads * classes))));
  const counters = Array.from({ length: heads }, () => new AccuracyCounter(classes));
  const compiled = await engine.compile(family.scoreProgram(sizes, batchSize));
  try {
    for await (const set of parts) {
      for (let first = 0; first < set.labels.length; first += batchSize) {
        const available = Math.min(batchSize, set.labels.length - first);
        const data = new Float32Array(batchSize * width);
        data.set(set.features.subarray(first * width, (first + available) * width));
        const [readings] = await compiled.run(state, [{ features: float32([batchSize, width], data) }]);
        const logits = readings!.logits!.data;
        for (let row = 0; row < available; row++) {
          counters.forEach((counter, head) => counter.add(set.labels[first + row]!, logits, (row * heads + head) * classes));
        }
      }
    }
  } finally {
    await compiled.dispose();
  }
  return counters;
}
