import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sweepData } from '../../../extension/core/dashboard/sweep';
import { experimentIdentity } from '../../../extension/core/config/sweep';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import { writeSweep } from '../../../extension/core/sweeps/record';
import { meanInterval } from '../../../extension/core/series/mean-interval';
import { makeConfig, makeRun } from './runs';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(path.join(os.tmpdir(), 'mim-sweep-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const configOf = (decay: number, seed: number) => makeConfig(`optimizer: { weight_decay: ${decay} }\nseed: ${seed}\n`);
const probe = (top1: number, { step = 100, subject = 'student', protocol = 'linear' } = {}) => ({ protocol, step, subject, features: 'cls', top1 });

function cell(decay: number, seed: number, changes: Partial<LibraryRun> = {}): Promise<LibraryRun> {
  return makeRun(folder, `study-${decay}-${seed}`, [], { config: configOf(decay, seed), sweep: 'study', ...changes });
}

it('runs that differ in seed share a cell with mean and interval; cells ascend', async () => {
  const runs = [
    await cell(0.1, 1, { evaluations: [probe(0.9, { step: 50 }), probe(0.5)] }),
    await cell(0.1, 0, { evaluations: [probe(0.4)] }),
    await cell(0.05, 0, { state: 'failed' }),
    await cell(0.2, 0, { state: 'running' }),
  ];
  const data = await sweepData(runs, runs, { keys: [] });
  expect(data).toMatchObject({ sweepable: ['optimizer.weight_decay'], keys: ['optimizer.weight_decay'], protocols: ['linear'], protocol: 'linear' });
  expect(data.cells.map(({ values, state }) => [values[0], state])).toEqual([[0.05, 'failed'], [0.1, 'done'], [0.2, 'running']]);
  const [low, high] = data.cells[1]!.interval!;
  expect(data.cells[1]!.runs.map(({ seed, accuracy }) => [seed, accuracy])).toEqual([[0, 0.4], [1, 0.5]]);
  expect([data.cells[1]!.mean, low, high].map((value) => value!.toFixed(3))).toEqual(['0.450', '-0.185', '1.085']);
  expect(data.cells[0]).not.toHaveProperty('mean');
});

it('cells that the sweep expects and no run trains are holes, whatever is selected', async () => {
  const present = await cell(0.1, 0, { evaluations: [probe(0.4)] });
  const unselected = await cell(0.3, 0);
  const cells = [[0.1, 0], [0.1, 1], [0.2, 0], [0.3, 0]].map(([decay, seed]) => ({ name: `c${decay}-${seed}`, values: { 'optimizer.weight_decay': decay!, seed: seed! }, identity: experimentIdentity(configOf(decay!, seed!)) }));
  await writeSweep(folder, { name: 'study', experimentFile: '/x.mim.yaml', startedAt: '2026-01-01T00:00:00Z', cells });
  const data = await sweepData([present], [present, unselected], { keys: [] });
  expect(data.keys).toEqual(['optimizer.weight_decay']);
  expect(data.cells).toMatchObject([{ values: [0.1], state: 'done', missingSeeds: [1] }, { values: [0.2], state: 'missing', runs: [], missingSeeds: [0] }]);
});

it('teacher and random are baselines of the same protocol', async () => {
  const run = await cell(0.1, 0, { evaluations: [probe(0.4), probe(0.8, { subject: 'teacher' }), probe(0.1, { subject: 'random' }), probe(0.7, { subject: 'teacher', protocol: 'knn' })] });
  expect((await sweepData([run], [run], { keys: [] })).baselines).toEqual([{ name: 'teacher', accuracy: 0.8 }, { name: 'random', accuracy: 0.1 }]);
  expect((await sweepData([run], [run], { keys: [], protocol: 'knn' })).baselines).toEqual([{ name: 'teacher', accuracy: 0.7 }]);
});

it('runs of no sweep are laid out by the keys that differ or were chosen', async () => {
  const runs = await Promise.all([0.1, 0.2].map((decay) => cell(decay, 0, { sweep: undefined })));
  expect((await sweepData(runs, runs, { keys: [] })).cells).toHaveLength(2);
  expect((await sweepData(runs, runs, { keys: ['method'] })).cells.map(({ values }) => values)).toEqual([['supervised']]);
  expect(await sweepData([], [], { keys: [] })).toMatchObject({ cells: [], protocols: [] });
});

it('the interval is that of Student', () => {
  expect(meanInterval([])).toBeUndefined();
  expect(meanInterval([3])).toEqual({ mean: 3 });
  const [low, high] = meanInterval([1, 2, 3])!.interval!;
  expect([low, high].map((value) => value.toFixed(3))).toEqual(['-0.484', '4.484']);
  const many = meanInterval(Array.from({ length: 41 }, (_, i) => i))!;
  expect(many.interval![1] - many.mean).toBeCloseTo(2.021 * Math.sqrt(143.5 / 41), 2);
});
