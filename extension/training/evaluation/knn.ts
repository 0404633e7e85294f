/**
 * Weighted nearest-neighbour classification as in DINO (Caron et al. 2021, eval_knn.py): L2-normalised features,
 * cosine similarity, each of the k nearest training images votes for its class with weight exp(similarity / T).
 *
 * The similarities are one matrix product a chunk, through the engine; the k nearest are picked on the host while the
 * chunk passes. So beside the features, memory is one chunk of similarities and, for the whole search, one normalised
 * copy of the training features with the engine: 4·N·D bytes.
 */
import * as tf from '@tensorflow/tfjs-core';
import { float32 } from '../../core/tensors';
import type { HostTensor } from '../../core/tensors';
import type { CompiledProgram, Engine, Program, StateStore } from '../engines/engine';
import { AccuracyCounter, countClasses } from './accuracy';
import type { Accuracy } from './accuracy';
import { checkFeatures } from './features';
import type { LabelledFeatures } from './features';
import { NearestNeighbours } from './nearest';

/** The neighbour counts DINO reports. */
const KNN_COUNTS: readonly number[] = [10, 20, 100, 200];

/** Queries per chunk, and training rows per chunk: at most 64 MiB of similarities at a time. */
const QUERY_ROWS = 256;
const BANK_ROWS = 65_536;

interface KnnOptions {
  /** Neighbours of the main figure. */
  readonly k: number;
  readonly temperature: number;
  /** Known number of classes; default: what the labels show. */
  readonly classes?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface KnnResult extends Accuracy {
  readonly protocol: 'knn';
  readonly k: number;
  readonly temperature: number;
  /** One entry a reported k. `neighbours` is k, or fewer where the training set is smaller. */
  readonly perK: readonly { readonly k: number; readonly neighbours: number; readonly top1: number; readonly top5?: number }[];
  readonly similarity: 'cosine of L2-normalised features';
  readonly trainImages: number;
  readonly testImages: number;
  readonly classes: number;
}

/**
 * @param train the voters, [N, D]
 * @param test the images that are classified, [M, D]
 * @throws UserError where features are not finite or labels are missing
 */
export async function knn(engine: Engine, train: LabelledFeatures, test: LabelledFeatures, options: KnnOptions): Promise<KnnResult> {
  checkFeatures(train, 'training');
  checkFeatures(test, 'test');
  const trainCount = train.labels.length;
  const classes = countClasses(options.classes, train.labels, test.labels);
  const counts = [...new Set([...KNN_COUNTS, options.k])].sort((a, b) => a - b);
  const counters = new Map(counts.map((k) => [k, new AccuracyCounter(classes)]));
  const largest = Math.min(counts.at(-1)!, trainCount);

  await forEachQuery(engine, train, test, largest, (query, neighbours) => {
    const votes = new Float64Array(classes);
    const { similarities, indices } = neighbours.sorted();
    let counted = 0;
    for (const k of counts) {
      for (; counted < Math.min(k, indices.length); counted++) {
        // Relative to the nearest: the same ranking of classes, and no overflow at a small temperature.
        votes[train.labels[indices[counted]!]!]! += Math.exp((similarities[counted]! - similarities[0]!) / options.temperature);
      }
      counters.get(k)!.add(test.labels[query]!, votes);
    }
    options.onProgress?.(query + 1, test.labels.length);
  });

  return {
    protocol: 'knn',
    ...counters.get(options.k)!.result(),
    k: options.k,
    temperature: options.temperature,
    perK: counts.map((k) => {
      const { top1, top5 } = counters.get(k)!.result();
      return { k, neighbours: Math.min(k, trainCount), top1, ...(top5 === undefined ? {} : { top5 }) };
    }),
    similarity: 'cosine of L2-normalised features',
    trainImages: trainCount,
    testImages: test.labels.length,
    classes,
  };
}

/** queries [Q, D] · bankᵀ [D, R] → [Q, R]. */
function similarityProgram(queryRows: number, bankRows: number, width: number): Program {
  return {
    name: 'knn-similarity',
    state: { bank: { shape: [bankRows, width], dtype: 'float32' } },
    constants: {},
    batch: { queries: { shape: [queryRows, width], dtype: 'float32' } },
    run: ({ state, batch }) => ({ state: {}, readings: { similarity: tf.matMul(batch.queries as tf.Tensor2D, state.bank as tf.Tensor2D, false, true) } }),
  };
}

async function forEachQuery(engine: Engine, train: LabelledFeatures, test: LabelledFeatures, k: number, visit: (query: number, neighbours: NearestNeighbours) => void): Promise<void> {
  const trainCount = train.labels.length;
  const testCount = test.labels.length;
  const queryRows = Math.min(QUERY_ROWS, testCount);
  const bankRows = Math.min(BANK_ROWS, trainCount);
  const compiled = await engine.compile(similarityProgram(queryRows, bankRows, train.width));
  const banks: StateStore[] = [];
  try {
    for (let first = 0; first < trainCount; first += bankRows) banks.push(engine.createState({ bank: normalisedRows(train, first, bankRows) }));
    for (let first = 0; first < testCount; first += queryRows) {
      const found = Array.from({ length: Math.min(queryRows, testCount - first) }, () => new NearestNeighbours(k));
      await searchBanks(compiled, banks, normalisedRows(test, first, queryRows), bankRows, trainCount, found);
      found.forEach((neighbours, i) => visit(first + i, neighbours));
    }
  } finally {
    for (const bank of banks) bank.dispose();
    await compiled.dispose();
  }
}

async function searchBanks(compiled: CompiledProgram, banks: readonly StateStore[], queries: HostTensor, bankRows: number, trainCount: number, found: readonly NearestNeighbours[]): Promise<void> {
  for (const [i, bank] of banks.entries()) {
    const [readings] = await compiled.run(bank, [{ queries }]);
    const similarity = readings!.similarity!.data as Float32Array;
    const count = Math.min(bankRows, trainCount - i * bankRows);
    found.forEach((neighbours, q) => neighbours.offer(similarity, q * bankRows, count, i * bankRows));
  }
}

/** Rows first…first+rows−1, each of length 1; rows past the end are zero. */
function normalisedRows(set: LabelledFeatures, first: number, rows: number): HostTensor {
  const { features, width } = set;
  const data = new Float32Array(rows * width);
  const available = Math.min(rows, set.labels.length - first);
  for (let row = 0; row < available; row++) {
    const from = (first + row) * width;
    let squares = 0;
    for (let d = 0; d < width; d++) squares += features[from + d]! ** 2;
    const scale = 1 / Math.max(Math.sqrt(squares), 1e-12);
    for (let d = 0; d < width; d++) data[row * width + d] = features[from + d]! * scale;
  }
  return float32([rows, width], data);
}
