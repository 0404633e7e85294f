import { beforeAll, describe, expect, it } from 'vitest';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { Engine } from '../../../extension/training/engines/engine';
import { drawLabelled, fewShotProbe, fewShotProtocol } from '../../../extension/training/evaluation/few-shot';
import { linearProbe, PROBE_PRESETS } from '../../../extension/training/evaluation/linear-probe';
import { selectRows } from '../../../extension/training/evaluation/features';
import { blobs } from './sets';

let engine: Engine;
beforeAll(async () => {
  engine = await EagerEngine.create('cpu');
});

/** 200 images of class 0, 100 of class 1, 3 of class 2, mixed. */
const labels = Int32Array.from({ length: 303 }, (_, row) => (row % 101 === 100 ? 2 : row % 3 === 2 ? 1 : 0));

describe('the images that keep their labels', () => {
  it('are the same share of every class, at least one', () => {
    const total = [0, 0, 0];
    const counts = [0, 0, 0];
    for (const label of labels) total[label]!++;
    for (const row of drawLabelled(labels, 0.1, 0, 0)) counts[labels[row]!]!++;
    expect(counts).toEqual(total.map((images) => Math.max(1, Math.round(0.1 * images))));
    expect(new Set(drawLabelled(labels, 0.001, 0, 0).map((row) => labels[row]!))).toEqual(new Set([0, 1, 2]));
  });

  it('follow from the seed and the draw, each once and in order', () => {
    const rows = drawLabelled(labels, 0.3, 1, 2);
    expect(rows).toEqual(drawLabelled(labels, 0.3, 1, 2));
    expect(rows).toEqual(Uint32Array.from(new Set(rows)).sort());
    expect(rows).not.toEqual(drawLabelled(labels, 0.3, 1, 3));
    expect(rows).not.toEqual(drawLabelled(labels, 0.3, 2, 2));
  });

  it('of a smaller share are among those of a larger one', () => {
    const many = new Set(drawLabelled(labels, 0.5, 0, 0));
    expect([...drawLabelled(labels, 0.05, 0, 0)].every((row) => many.has(row))).toBe(true);
  });
});

describe('a probe with few labels', () => {
  const train = blobs(300, 3, 6, 1.2, 0);
  const test = blobs(90, 3, 6, 1.2, 1);
  const probe = { preset: PROBE_PRESETS.small, epochs: 3, seed: 0 };

  it('is the mean over probes of the images that were drawn, with its spread', async () => {
    const result = await fewShotProbe(engine, train, test, { ...probe, fraction: 0.1, draws: 3, labelSeed: 4 });
    const alone = await Promise.all([0, 1, 2].map((draw) => linearProbe(engine, selectRows(train, drawLabelled(train.labels, 0.1, 4, draw)), test, { ...probe, classes: 3 })));
    expect(result.draws.map(({ top1 }) => top1)).toEqual(alone.map(({ top1 }) => top1));
    const mean = alone.reduce((sum, { top1 }) => sum + top1, 0) / 3;
    expect(result.top1).toBeCloseTo(mean, 12);
    expect(result.top1Std).toBeCloseTo(Math.sqrt(alone.reduce((sum, { top1 }) => sum + (top1 - mean) ** 2, 0) / 2), 12);
    expect(result.top1Std).toBeGreaterThan(0);
    expect(result).toMatchObject({ protocol: 'linear_10pct', labelFraction: 0.1, labelSeed: 4, testImages: 90, classes: 3 });
    expect(result.draws.map(({ trainImages }) => trainImages)).toEqual([30, 30, 30]);
  });

  it('has no spread of one draw', async () => {
    expect(await fewShotProbe(engine, train, test, { ...probe, fraction: 0.1, draws: 1, labelSeed: 0 })).not.toHaveProperty('top1Std');
  });

  it('reports its progress over all draws', async () => {
    const progress: number[] = [];
    await fewShotProbe(engine, train, test, { ...probe, fraction: 0.05, draws: 2, labelSeed: 0, onProgress: (done, total) => progress.push(done / total) });
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(1);
  });

  it('has a protocol for each share', () => {
    expect([0.01, 0.1, 0.005].map(fewShotProtocol)).toEqual(['linear_1pct', 'linear_10pct', 'linear_0.5pct']);
  });
});
