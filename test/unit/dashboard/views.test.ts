import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { alignmentData, rowCentre, rowEntropy } from '../../../extension/core/dashboard/alignment';
import { probeData } from '../../../extension/core/dashboard/probe';
import { samplesData } from '../../../extension/core/dashboard/samples';
import { evaluationOf } from '../../../extension/core/runs/run-report';
import { lines, makeConfig, makeRun } from './runs';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(path.join(os.tmpdir(), 'mim-views-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

it('alignment: the weights at the step or before it, and entropy and centre of each teacher level over all steps', async () => {
  const run = await makeRun(folder, 'a', []);
  const records = [{ step: 0, weights: [[1, 0], [1, 1]] }, { step: 10, weights: [[0, 2], [3, -1]] }];
  await writeFile(path.join(run.key, 'alignment.jsonl'), `${lines(records)}{"step":5,"weights":"x"}\n{"step":20,"wei`);
  const data = await alignmentData([run], { step: 7 });
  expect(data).toMatchObject({ run: run.key, steps: [0, 10], step: 0, matrix: { rows: ['1', '2'], columns: ['1', '2'], values: [[1, 0], [1, 1]] } });
  expect(data.centre).toEqual([[1, 2], [1.5, 1.25]]);
  expect(data.entropy[1]![0]).toBeCloseTo(Math.log(2), 10);
  expect((await alignmentData([run], {})).step).toBe(10);
  expect(data.largest).toBe(3);
});

it('alignment: entropy and centre of plain rows', () => {
  expect(rowEntropy([1, 1, 1, 1])).toBeCloseTo(Math.log(4), 10);
  expect([rowEntropy([0, 5]), rowEntropy([0, 0]), rowCentre([0, 0]), rowCentre([0, 0, -3])]).toEqual([0, 0, 0, 3]);
});

it('alignment: a note says why there is nothing, and another selected run steps in unless one was asked for', async () => {
  const supervised = await makeRun(folder, 's', [], { config: makeConfig() });
  const mixing = await makeRun(folder, 'm', []);
  await writeFile(path.join(mixing.key, 'alignment.jsonl'), lines([{ step: 0, weights: [[1]] }]));
  expect((await alignmentData([supervised, mixing], {})).run).toBe(mixing.key);
  expect(await alignmentData([supervised, mixing], { run: supervised.key })).toMatchObject({ run: supervised.key, steps: [], note: 's does not align levels: its method is supervised.' });
  expect((await alignmentData([], {})).note).toMatch(/Select a run/);
});

it('probe: points by step with their epoch and what had been spent, of one protocol or all', async () => {
  const result = (protocol: string, step: number) => ({ protocol, step, subject: 'student', features: 'cls', top1: step / 100 });
  const run = await makeRun(folder, 'a', [], { evaluations: [result('linear', 50), result('knn', 20), result('linear', 10)] });
  const data = await probeData([run], {}, () => Promise.resolve(2.5));
  expect(data.protocols).toEqual(['linear', 'knn']);
  expect(data.points.map(({ protocol, step, epoch, gmac }) => [protocol, step, epoch, gmac])).toEqual([['linear', 10, 1, 25], ['knn', 20, 2, 50], ['linear', 50, 5, 125]]);
  const unknown = await probeData([run], { protocol: 'knn' }, () => Promise.resolve(undefined));
  expect(unknown.points).toHaveLength(1);
  expect(unknown.points[0]).not.toHaveProperty('gmac');
});

it('probe: the layer of a result arrives from its file', () => {
  const written = { protocol: 'knn', subject: 'student', features: 'cls', top1: 0.5 };
  expect(evaluationOf('knn-l3', 10, { ...written, layer: 3 })).toEqual([{ ...written, step: 10, layer: 3 }]);
  expect(evaluationOf('knn', 10, written)[0]).not.toHaveProperty('layer');
});

it('samples: of each run the last picture not after the step', async () => {
  const runs = [await makeRun(folder, 'a', []), await makeRun(folder, 'b', []), await makeRun(folder, 'c', [])];
  const pictures = ['a/samples/masks-000000.png', 'a/samples/masks-000100.png', 'b/samples/masks-000050.png', 'b/samples/attention-000050.png', 'b/samples/notes.txt'];
  for (const name of pictures) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), 'x');
  }
  const data = await samplesData(runs, { step: 60 });
  expect(data).toMatchObject({ kinds: ['masks', 'attention'], steps: [0, 50, 100], step: 60 });
  expect(data.pictures.map(({ uri }) => path.relative(folder, uri))).toEqual([pictures[0], pictures[2], pictures[3]]);
  expect((await samplesData(runs, { step: 10, kind: 'masks' })).pictures.map(({ uri }) => path.relative(folder, uri))).toEqual([pictures[0]]);
  expect((await samplesData(runs, {})).pictures.map(({ step }) => step)).toEqual([100, 50, 50]);
});
