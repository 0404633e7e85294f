import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DiagnosedRuns } from '../../../extension/core/dashboard/diagnosed-runs';
import { diagnosticsData } from '../../../extension/core/dashboard/diagnostics';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import type { Diagnostics, LevelDiagnostics } from '../../../extension/core/runs/diagnostics';
import { makeRun } from './runs';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(path.join(os.tmpdir(), 'mim-diagnostics-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const level = (value: number): LevelDiagnostics => ({ attentionDistance: [value, value + 2], attentionEntropy: [0.5], attentionNmi: [0.1], tokenUniformity: value / 10, fourierLogAmplitude: -1, rankMe: 10 * value, collapseStd: 0.1 });
const record = (step: number, more: Partial<Diagnostics> = {}): Diagnostics => ({
  step, images: 8, grid: 4, cka: [[0.9, 0.1], [0.2, 0.8]],
  encoders: [{ subject: 'student', levels: [level(step + 1), level(step + 2)] }, { subject: 'random', levels: [level(1), level(2)] }, { subject: 'teacher', levels: [level(5), level(6)] }], ...more,
});

async function diagnosed(name: string, records: readonly Diagnostics[]): Promise<LibraryRun> {
  const run = await makeRun(folder, name, []);
  await mkdir(path.join(run.key, 'diagnostics'), { recursive: true });
  for (const one of records) await writeFile(path.join(run.key, 'diagnostics', `step-${one.step}.json`), JSON.stringify(one));
  return run;
}

it('is the measure over levels, of each run at its last step not after the one asked for, with teacher and untrained student', async () => {
  const runs = [await diagnosed('a', [record(0), record(10)]), await diagnosed('b', [record(20)])];
  const data = await diagnosticsData(runs, { measure: 'attentionDistance', step: 15 }, new DiagnosedRuns());
  expect(data).toMatchObject({ steps: [0, 10, 20], step: 15, measure: 'attentionDistance', levels: 2 });
  expect(data.lines).toEqual([
    { run: runs[0]!.key, subject: 'student', step: 10, x: [1, 2], y: [12, 13] },
    { run: runs[0]!.key, subject: 'teacher', step: 10, x: [1, 2], y: [6, 7] },
    { run: runs[0]!.key, subject: 'random', step: 10, x: [1, 2], y: [2, 3] },
  ]);
  expect((await diagnosticsData(runs, {}, new DiagnosedRuns())).lines.filter(({ subject }) => subject === 'student').map(({ step }) => step)).toEqual([10, 20]);
});

it('is the measure over steps at a level, which is at most the last', async () => {
  const run = await diagnosed('a', [record(0), record(10), record(100)]);
  const data = await diagnosticsData([run], { measure: 'rankMe', level: 7 }, new DiagnosedRuns());
  expect(data).toMatchObject({ level: 2, levels: 2 });
  expect(data.lines[0]).toEqual({ run: run.key, subject: 'student', x: [0, 10, 100], y: [20, 120, 1020] });
});

it('offers what was measured, and CKA by its diagonal beside the whole matrix of one run', async () => {
  const agreement = { loss: 0.5, cosine: 0.6 };
  const alignment = { levels: [{ ...agreement, weight: 0, cls: agreement, patches: agreement }, { ...agreement, weight: 1, cls: agreement, patches: agreement }], visibleAttention: 0.7, uniformAttention: 0.5, visibleCka: [[0.7, 0], [0, 0.6]] };
  const runs = [await diagnosed('plain', [record(0, { cka: undefined })]), await diagnosed('aligned', [record(0), record(10, { alignment })])];
  const data = await diagnosticsData(runs, { measure: 'visibleCka' }, new DiagnosedRuns());
  expect(data.measures.map(({ name }) => name)).toEqual(['attentionDistance', 'attentionEntropy', 'attentionNmi', 'tokenUniformity', 'fourierLogAmplitude', 'rankMe', 'collapseStd', 'alignmentLoss', 'alignmentCosine', 'cka', 'visibleCka']);
  expect(data.lines).toEqual([{ run: runs[1]!.key, subject: 'student', step: 10, x: [1, 2], y: [0.7, 0.6] }]);
  expect(data.cka).toEqual({ run: runs[1]!.key, step: 10, matrix: { rows: ['1', '2'], columns: ['1', '2'], values: [[0.9, 0.1], [0.2, 0.8]] } });
  const cka = await diagnosticsData(runs, { measure: 'cka', step: 0, run: runs[0]!.key }, new DiagnosedRuns());
  expect(cka.lines.map(({ y }) => y)).toEqual([[0.9, 0.8]]);
  expect(cka.cka?.step).toBe(0);
});

it('has the loss by mask ratio wherever it was asked for', async () => {
  const lossByRatio = [{ strategy: 'random', points: [{ ratio: 0, keep: 16, loss: 0.2 }, { ratio: 0.5, keep: 8, loss: 0.4 }] }];
  const run = await diagnosed('a', [record(0), record(10, { lossByRatio }), record(20)]);
  for (const step of [undefined, 0, 10]) {
    const data = await diagnosticsData([run], { step }, new DiagnosedRuns());
    expect(data.lossByRatio).toEqual([{ run: run.key, step: 10, strategy: 'random', x: [0, 0.5], y: [0.2, 0.4] }]);
  }
});

it('reads a record again when it changed, and passes over damaged ones', async () => {
  const run = await diagnosed('a', [record(0), record(10)]);
  const known = new DiagnosedRuns();
  expect((await diagnosticsData([run], {}, known)).steps).toEqual([0, 10]);
  await writeFile(path.join(run.key, 'diagnostics', 'step-10.json'), '{"step": 1');
  expect((await diagnosticsData([run], {}, known)).steps).toEqual([0]);
  await diagnosed('a', [record(30)]);
  expect((await diagnosticsData([run], {}, known)).steps).toEqual([0, 30]);
  expect(await diagnosticsData([], {}, known)).toMatchObject({ measures: [], steps: [], lines: [], lossByRatio: [] });
});
