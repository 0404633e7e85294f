import { beforeAll, describe, expect, it } from 'vitest';
import { CompiledEngine } from '../../../extension/training/engines/compiled/compiled-engine';
import type { Engine } from '../../../extension/training/engines/engine';
import { attentiveHeads, fittingQueries } from '../../../extension/training/evaluation/attentive-head';
import { attentiveProbe, ATTENTIVE_PRESETS, type TokenSet } from '../../../extension/training/evaluation/attentive-probe';
import { sameEveryEpoch, stepsOf, type EpochParts } from '../../../extension/training/evaluation/epoch-parts';
import { featureParts } from '../../../extension/training/evaluation/feature-parts';
import { selectRows, type LabelledFeatures, type LabelledImages } from '../../../extension/training/evaluation/features';
import { trainHeads } from '../../../extension/training/evaluation/head-trainer';
import { linearProbe, PROBE_PRESETS } from '../../../extension/training/evaluation/linear-probe';
import { RandomStream } from '../../../extension/training/random';

let engine: Engine;
beforeAll(async () => {
  engine = await CompiledEngine.create({ threads: 1 });
});

const TOKENS = 12;
const WIDTH = 8;

/** One token of each image, marked in the first channel, carries the class; the others carry that of any image, and louder. */
function needles(images: number, draw: number): LabelledFeatures {
  const random = new RandomStream(5, 'needles', draw);
  const labels = Int32Array.from({ length: images }, (_, i) => i % 3);
  const features = new Float32Array(images * TOKENS * WIDTH);
  labels.forEach((label, image) => {
    const marked = random.integer(TOKENS);
    for (let token = 0; token < TOKENS; token++) {
      const at = (image * TOKENS + token) * WIDTH;
      for (let d = 0; d < WIDTH; d++) features[at + d] = 0.2 * random.normal();
      features[at] = token === marked ? 6 : 0;
      features[at + 1 + (token === marked ? label : random.integer(3))]! += 2;
    }
  });
  return { features, width: TOKENS * WIDTH, labels };
}

function meanTokens({ features, labels }: LabelledFeatures): LabelledFeatures {
  const means = Float32Array.from({ length: labels.length * WIDTH }, (_, at) => {
    const [image, d] = [Math.floor(at / WIDTH), at % WIDTH];
    let sum = 0;
    for (let token = 0; token < TOKENS; token++) sum += features[(image * TOKENS + token) * WIDTH + d]!;
    return sum / TOKENS;
  });
  return { features: means, width: WIDTH, labels };
}

const whole = (set: LabelledFeatures): TokenSet => ({ images: set.labels.length, partImages: set.labels.length, parts: () => sameEveryEpoch(set).parts(0) });

function probe(train: LabelledFeatures, test: LabelledFeatures, changes: Partial<Parameters<typeof attentiveProbe>[1]> = {}) {
  return attentiveProbe(engine, { preset: ATTENTIVE_PRESETS.small, epochs: 30, queries: 32, tokens: TOKENS, classes: 3, seed: 0, known: train, training: sameEveryEpoch(train), train: whole(train), test: whole(test), ...changes });
}

describe('attentive probe', () => {
  it('finds the token that tells, which the mean drowns', async () => {
    const [train, test] = [needles(480, 0), needles(240, 1)];
    const found = await probe(train, test);
    const linear = await linearProbe(engine, meanTokens(train), meanTokens(test), { preset: PROBE_PRESETS.small, epochs: 30, seed: 0 });
    expect(found.top1).toBeGreaterThan(0.95);
    expect(linear.top1).toBeLessThan(found.top1 - 0.1);
    expect(found).toMatchObject({ protocol: 'attentive', preset: 'small', queries: 8, tokens: TOKENS, trainImages: 480, testImages: 240, classes: 3, augmentation: false });
    expect(found.sweep!.tried.map(({ blr }) => blr)).toEqual(ATTENTIVE_PRESETS.small.baseLearningRates);
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });

  it('scores a set in parts as it does whole', async () => {
    const [train, test] = [needles(96, 0), needles(50, 1)];
    const parts: TokenSet = {
      images: 50,
      partImages: 20,
      async *parts() {
        for (const [from, to] of [[0, 20], [20, 40], [40, 50]]) yield selectRows(test, Uint32Array.from({ length: to! - from! }, (_, i) => from! + i));
      },
    };
    expect(await probe(train, test, { epochs: 2, test: parts })).toEqual(await probe(train, test, { epochs: 2 }));
  });

  it('follows the official protocol with preset mae', async () => {
    const train = needles(96, 0);
    const augmentation = { cropScale: [0.08, 1], flip: 0.5 } as const;
    const result = await probe(train, needles(30, 1), { preset: ATTENTIVE_PRESETS.mae, epochs: undefined, augmentation });
    expect(result).toMatchObject({ preset: 'mae', optimizer: 'lars', trust: 0.001, blr: 0.1, epochs: 90, warmupEpochs: 10, batchSize: 96, augmentation });
  });

  it('takes as many queries as divide the width', () => {
    expect([fittingQueries(32, 192), fittingQueries(32, 768), fittingQueries(32, 48), fittingQueries(32, 8), fittingQueries(5, 12)]).toEqual([32, 32, 24, 8, 4]);
  });
});

describe('training in parts', () => {
  it('takes the steps of every part, at the rates of one schedule', async () => {
    const set = needles(64, 0);
    const halves: EpochParts = {
      width: set.width,
      sizes: [40, 24],
      async *parts() {
        yield selectRows(set, Uint32Array.from({ length: 40 }, (_, i) => i));
        yield selectRows(set, Uint32Array.from({ length: 24 }, (_, i) => 40 + i));
      },
    };
    expect(stepsOf(halves, 16)).toBe(3);
    const training = { family: attentiveHeads(TOKENS, 4), optimizer: 'sgd', learningRates: [0.3], classes: 3, batchSize: 16, epochs: 20, warmupEpochs: 2, seed: 0 } as const;
    const heads = await trainHeads(engine, halves, training);
    const { weight, queries } = await heads.state.read(['weight', 'queries']);
    expect([weight!.shape, queries!.shape]).toEqual([[1, 3, WIDTH], [1, 4, WIDTH]]);
    expect(heads.trainLoss[0]).toBeLessThan(Math.log(3));
    const again = await trainHeads(engine, halves, training);
    expect(again.trainLoss).toEqual(heads.trainLoss);
  });
});

describe('features in parts', () => {
  async function* batches(sizes: readonly number[], closed?: () => void): AsyncGenerator<LabelledImages> {
    let first = 0;
    try {
      for (const size of sizes) {
        yield { images: new Float32Array(0), labels: Int32Array.from({ length: size }, (_, i) => first + i) };
        first += size;
      }
    } finally {
      closed?.();
    }
  }
  const labelsOf = async (part: AsyncIterable<LabelledImages>): Promise<LabelledFeatures> => {
    const labels: number[] = [];
    for await (const batch of part) labels.push(...batch.labels);
    return { features: new Float32Array(labels.length), width: 1, labels: Int32Array.from(labels) };
  };

  it('hold every image once, in order, in as many batches as reach the size', async () => {
    const parts: number[][] = [];
    for await (const { labels } of featureParts(batches([4, 4, 4, 4, 3]), 6, labelsOf)) parts.push([...labels]);
    expect(parts.map(({ length }) => length)).toEqual([8, 8, 3]);
    expect(parts.flat()).toEqual(Array.from({ length: 19 }, (_, i) => i));
  });

  it('are none of no images, and close their source when they are left', async () => {
    for await (const part of featureParts(batches([]), 6, labelsOf)) expect(part).toBeUndefined();
    let closed = false;
    for await (const { labels } of featureParts(batches([4, 4, 4], () => (closed = true)), 4, labelsOf)) {
      expect(labels).toHaveLength(4);
      break;
    }
    expect(closed).toBe(true);
  });
});
