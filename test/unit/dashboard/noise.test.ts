import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDashboardModel } from '../../../extension/core/dashboard/model';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import type { CompareData } from '../../../extension/core/protocol/dashboard';
import { meanDifference } from '../../../extension/core/series/mean-interval';
import { libraryOf, makeConfig, makeRun, makeState } from './runs';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(path.join(os.tmpdir(), 'mim-noise-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

function run(ratio: number, seed: number, top1: number): Promise<LibraryRun> {
  const config = makeConfig(`masking: { ratio: ${ratio} }\nseed: ${seed}\n`);
  return makeRun(folder, `r${ratio}-${seed}`, [], { config, evaluations: [{ protocol: 'linear', step: 100, subject: 'student', features: 'cls', top1 }] });
}

async function noiseOf(runs: readonly LibraryRun[], baseline?: string): Promise<CompareData['noise']> {
  const model = createDashboardModel({ library: libraryOf(runs), pollMs: 10 });
  const data = (await model.view({ ...makeState(runs, { view: 'compare' }), baseline })) as CompareData;
  model.dispose();
  return data.noise;
}

it('tells better, worse and noise from each other, over seeds', async () => {
  const cells = [[0.5, [0.4, 0.41, 0.42]], [0.6, [0.5, 0.51, 0.52]], [0.7, [0.39, 0.41, 0.43]], [0.8, [0.1, 0.11, 0.12]], [0.9, [0.9]]] as const;
  const runs = await Promise.all(cells.flatMap(([ratio, accuracies]) => accuracies.map((top1, seed) => run(ratio, seed, top1))));
  const noise = (await noiseOf(runs, runs[1]!.key))!;
  expect(noise).toMatchObject({ protocol: 'linear', keys: ['masking.ratio'] });
  expect(noise.groups.map(({ values, runs: { length }, verdict }) => [...values, length, verdict])).toEqual([
    [0.5, 3, 'baseline'], [0.6, 3, 'better'], [0.7, 3, 'within noise'], [0.8, 3, 'worse'], [0.9, 1, 'too few seeds'],
  ]);
});

it('says nothing without a baseline, or where all runs differ from it in their seed alone', async () => {
  const runs = await Promise.all([run(0.5, 0, 0.4), run(0.5, 1, 0.5)]);
  expect(await noiseOf(runs)).toBeUndefined();
  expect(await noiseOf(runs, runs[0]!.key)).toBeUndefined();
});

it('the interval of a difference is that of Welch', () => {
  // Squared errors 4/3 and 5/12, so 1.75² / ((4/3)²/2 + (5/12)²/3) = 3.23 degrees of freedom, rounded down to 3.
  const { difference, interval } = meanDifference([5, 7, 9], [1, 2, 4, 3]);
  expect(difference).toBeCloseTo(4.5);
  const half = 3.182 * Math.sqrt(4 / 3 + 5 / 3 / 4);
  expect(interval).toEqual([expect.closeTo(4.5 - half, 3), expect.closeTo(4.5 + half, 3)]);
  expect(meanDifference([1], [2, 3]).interval).toBeUndefined();
});
