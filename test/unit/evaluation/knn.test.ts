import { beforeAll, describe, expect, it } from 'vitest';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { Engine } from '../../../extension/training/engines/engine';
import type { LabelledFeatures } from '../../../extension/training/evaluation/features';
import { knn } from '../../../extension/training/evaluation/knn';
import { RandomStream } from '../../../extension/training/random';
import { blobs, reordered, withLabels } from './sets';

let engine: Engine;
beforeAll(async () => {
  engine = await EagerEngine.create('cpu');
});

/** The definition, written as plainly as possible in float64. */
function bruteForce(train: LabelledFeatures, test: LabelledFeatures, k: number, temperature: number): number {
  const unit = ({ features, width }: LabelledFeatures, row: number): number[] => {
    const values = Array.from(features.subarray(row * width, (row + 1) * width));
    const norm = Math.hypot(...values);
    return values.map((value) => value / norm);
  };
  const bank = Array.from(train.labels, (_, i) => unit(train, i));
  let hits = 0;
  test.labels.forEach((label, i) => {
    const query = unit(test, i);
    const found = bank.map((row, j) => ({ j, similarity: row.reduce((sum, value, d) => sum + value * query[d]!, 0) })).sort((a, b) => b.similarity - a.similarity || a.j - b.j);
    const votes = new Map<number, number>();
    for (const { j, similarity } of found.slice(0, k)) votes.set(train.labels[j]!, (votes.get(train.labels[j]!) ?? 0) + Math.exp(similarity / temperature));
    const [winner] = [...votes].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]!;
    if (winner === label) hits++;
  });
  return hits / test.labels.length;
}

describe('kNN', () => {
  it('agrees with a brute-force search at every reported k', async () => {
    const train = blobs(400, 10, 12, 1.6, 0);
    const test = blobs(301, 10, 12, 1.6, 1);
    const result = await knn(engine, train, test, { k: 20, temperature: 0.07 });
    expect(result.perK.map(({ k }) => k)).toEqual([10, 20, 100, 200]);
    for (const { k, top1 } of result.perK) expect(top1).toBeCloseTo(bruteForce(train, test, k, 0.07), 12);
    expect(result.top1).toBe(result.perK[1]!.top1);
    expect(result.top1).toBeGreaterThan(0.3);
    expect(result.top1).toBeLessThan(1);
    expect(result.top5).toBeGreaterThan(result.top1);
  });

  it('adds the configured k to the reported ones, and uses every image where k is larger than the set', async () => {
    const train = blobs(30, 3, 4, 0.5, 0);
    const result = await knn(engine, train, blobs(9, 3, 4, 0.5, 1), { k: 5, temperature: 0.07 });
    expect(result.k).toBe(5);
    expect(result.perK.map(({ k, neighbours }) => [k, neighbours])).toEqual([
      [5, 5],
      [10, 10],
      [20, 20],
      [100, 30],
      [200, 30],
    ]);
  });

  it('does not depend on the order of either set', async () => {
    const train = blobs(150, 5, 6, 1, 0);
    const test = blobs(40, 5, 6, 1, 1);
    const shuffled = await knn(engine, reordered(train, new RandomStream(1, 'a').permutation(150)), reordered(test, new RandomStream(1, 'b').permutation(40)), { k: 20, temperature: 0.07 });
    expect(shuffled).toEqual(await knn(engine, train, test, { k: 20, temperature: 0.07 }));
  });

  it('survives a single test image, images without any feature, and a tiny temperature', async () => {
    const train = blobs(20, 2, 3, 0.1, 0);
    const blank = { features: new Float32Array(3), width: 3, labels: Int32Array.of(0) };
    expect((await knn(engine, train, blank, { k: 1, temperature: 0.07 })).testImages).toBe(1);
    expect((await knn(engine, train, blobs(20, 2, 3, 0.1, 1), { k: 20, temperature: 1e-4 })).top1).toBe(1);
  });

  it('is at chance where labels say nothing', async () => {
    const random = new RandomStream(3, 'labels');
    const train = withLabels(blobs(600, 4, 8, 1, 0), () => random.integer(4));
    const test = withLabels(blobs(400, 4, 8, 1, 1), () => random.integer(4));
    const { top1 } = await knn(engine, train, test, { k: 20, temperature: 0.07 });
    expect(Math.abs(top1 - 0.25)).toBeLessThan(0.09);
  });

  it('names the image whose features are not finite, and refuses images without a label', async () => {
    const train = blobs(20, 2, 3, 0.1, 0);
    const broken = { ...train, features: train.features.slice() };
    broken.features[3 * 7 + 1] = NaN;
    await expect(knn(engine, broken, train, { k: 1, temperature: 0.07 })).rejects.toThrow('features of training image 7 are not finite');
    await expect(knn(engine, train, withLabels(train, () => -1), { k: 1, temperature: 0.07 })).rejects.toThrow('test image 0 has no label');
  });
});
