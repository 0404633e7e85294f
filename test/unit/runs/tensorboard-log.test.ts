import { appendFile, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readExternalRecords } from '../../../extension/core/library/external/external-source';
import { findExternalFiles } from '../../../extension/core/library/external/find-external';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { encodeEvent } from '../../../extension/core/tensorboard/event';
import { readEvents, type ReadEvents } from './event-reader';

let folder: string;
const opened: RunDirectory[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-tensorboard-'));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((run) => run.close()));
  await rm(folder, { recursive: true, force: true });
});

const record = (step: number, loss: unknown = 1 / step) => ({ step, epoch: step / 10, loss, level_losses: [loss, 2], time: new Date(1.7e12 + step * 1000).toISOString() });

/** As the trainer begins. */
async function begin(run: RunDirectory, fromStep: number, firstLevel = 11): Promise<RunDirectory> {
  opened.push(run);
  await run.lock();
  await run.truncateMetricsAfter(fromStep);
  await run.showInTensorBoard(fromStep, firstLevel);
  return run;
}

const newRun = async () => begin(await RunDirectory.create(folder, 'run', { resolvedYaml: 'mim: 1\n', sourceYaml: '', environment: {} }), 0);
const eventsOf = (run: RunDirectory): Promise<ReadEvents> => readEvents(run.inside('tensorboard'));
const stepsOf = (events: ReadEvents, tag = 'train/loss') => events.scalars[tag]?.map(([step]) => step);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('the event file of a run', () => {
  it('has every number of every record at its step and time, levels by the names of the dashboard', async () => {
    const run = await newRun();
    for (const step of upTo(3)) await run.appendMetrics(record(step));
    const { files, version, starts, scalars, wallTimes, torn } = await eventsOf(run);
    expect(files).toHaveLength(1);
    expect(files[0]).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    expect({ version, starts, torn }).toEqual({ version: 'brain.Event:2', starts: [0], torn: 0 });
    expect(scalars).toEqual({
      'train/epoch': upTo(3).map((step) => [step, Math.fround(step / 10)]),
      'train/loss': upTo(3).map((step) => [step, Math.fround(1 / step)]),
      'train/level_11': upTo(3).map((step) => [step, Math.fround(1 / step)]),
      'train/level_12': upTo(3).map((step) => [step, 2]),
    });
    expect(wallTimes.slice(-3)).toEqual(upTo(3).map((step) => 1.7e9 + step));
  });

  it('is read by the library as other tools’ files are', async () => {
    const run = await newRun();
    for (const step of upTo(2)) await run.appendMetrics(record(step));
    const file = run.inside('tensorboard', (await readdir(run.inside('tensorboard')))[0]!);
    expect(await readExternalRecords(file, 'tensorboard')).toMatchObject([{ step: 1, loss: 1 }, { step: 2, loss: 0.5 }]);
  });

  it('tells numbers that are not finite as NaN, written at once or from metrics.jsonl', async () => {
    const run = await newRun();
    await run.appendMetrics(record(1, Infinity));
    expect((await eventsOf(run)).scalars['train/loss']).toEqual([[1, NaN]]);
    await run.close();
    expect((await eventsOf(await begin(await RunDirectory.open(run.path), 1))).scalars['train/loss']).toEqual([[1, NaN]]);
  });

  it('has the figures of evaluations, and none of their knobs', async () => {
    const run = await newRun();
    await run.writeEvaluation('knn', 2, { protocol: 'knn', top1: 0.5, top5: 0.75, k: 20, rankMe: 3, note: 'x' });
    await run.writeEvaluation('knn-teacher', 0, { top1: 0.25 });
    expect((await eventsOf(run)).scalars).toEqual({ 'evaluation/knn/top1': [[2, 0.5]], 'evaluation/knn/top5': [[2, 0.75]], 'evaluation/knn/rankMe': [[2, 3]], 'evaluation/knn-teacher/top1': [[0, 0.25]] });
  });

  it('holds steps that do not fit in 32 bits', () => {
    expect(Buffer.from(encodeEvent({ step: 2 ** 40 + 3 })).toString('hex')).toBe('10838080808020');
  });
});

describe('a resume', () => {
  async function interrupted(): Promise<RunDirectory> {
    const run = await newRun();
    for (const step of upTo(7)) await run.appendMetrics(record(step));
    await run.writeEvaluation('knn', 4, { top1: 0.5 });
    await run.writeEvaluation('knn', 6, { top1: 0.6 });
    await run.close();
    return run;
  }

  async function resumed(run: RunDirectory, from: number): Promise<ReadEvents> {
    const next = await begin(await RunDirectory.open(run.path), from);
    for (let step = from + 1; step <= 8; step++) await next.appendMetrics(record(step, 100));
    return eventsOf(next);
  }

  it('from an earlier checkpoint has each step once, with what was trained last', async () => {
    const events = await resumed(await interrupted(), 4);
    expect(stepsOf(events)).toEqual(upTo(8));
    expect(events.scalars['train/loss']!.map(([, value]) => value >= 100)).toEqual(upTo(8).map((step) => step > 4));
    expect(events.scalars['evaluation/knn/top1']).toEqual([[4, 0.5]]);
  });

  it('goes on in a file that comes later in the order of names, and leaves the one before empty for whoever reads it', async () => {
    const run = await interrupted();
    const before = (await eventsOf(run)).files;
    const { files, starts } = await resumed(run, 4);
    expect(files).toHaveLength(2);
    expect(files[0]).toBe(before[0]);
    expect((await stat(run.inside('tensorboard', files[0]!))).size).toBe(0);
    expect(starts).toEqual([0]);
  });

  it('a second one removes the empty file of the first', async () => {
    const run = await interrupted();
    const first = await resumed(run, 4);
    await opened.at(-1)!.close();
    const { files } = await resumed(run, 5);
    expect(files).toHaveLength(2);
    expect(files[0]).toBe(first.files[1]);
  });

  it.each([
    ['a frame was torn', async (run: RunDirectory) => appendFile(run.inside('tensorboard', (await eventsOf(run)).files[0]!), Buffer.from([9, 0, 0, 0, 0]))],
    ['the events lag behind the metrics', async (run: RunDirectory) => writeFile(run.inside('tensorboard', (await eventsOf(run)).files[0]!), '')],
    ['a killed process left two files and a part of a third', async (run: RunDirectory) => {
      await writeFile(run.inside('tensorboard', 'events.out.tfevents.0000000001.host.1'), 'x');
      await writeFile(run.inside('tensorboard', '.unfinished.tmp-1-aa'), 'x');
    }],
    ['the folder is gone', (run: RunDirectory) => rm(run.inside('tensorboard'), { recursive: true })],
    ['a clock that was ahead named the file', async (run: RunDirectory) => writeFile(run.inside('tensorboard', 'events.out.tfevents.9000000000.host.1'), 'x')],
  ])('loses and doubles nothing where %s', async (_what, damage) => {
    const run = await interrupted();
    await damage(run);
    const events = await resumed(run, 5);
    expect(stepsOf(events)).toEqual(upTo(8));
    expect(events.torn).toBe(0);
    expect(await readdir(run.inside('tensorboard'))).toEqual(events.files);
  });
});

describe('evaluations that no training made', () => {
  it('are shown at once where nobody trains', async () => {
    const run = await newRun();
    for (const step of upTo(3)) await run.appendMetrics(record(step));
    await run.close();
    const evaluated = await RunDirectory.open(run.path);
    await evaluated.writeEvaluation('linear', 3, { top1: 0.75 });
    await evaluated.refreshTensorBoard(11);
    const events = await eventsOf(run);
    expect(stepsOf(events)).toEqual(upTo(3));
    expect(events.scalars['evaluation/linear/top1']).toEqual([[3, 0.75]]);
    await begin(await RunDirectory.open(run.path), 3);
  });

  it('leave the file of a trainer at work alone', async () => {
    const run = await newRun();
    await run.appendMetrics(record(1));
    const before = (await eventsOf(run)).files;
    await (await RunDirectory.open(run.path)).refreshTensorBoard(11);
    await run.appendMetrics(record(2));
    const events = await eventsOf(run);
    expect(events.files).toEqual(before);
    expect(stepsOf(events)).toEqual([1, 2]);
  });
});

describe('the library', () => {
  it('does not take the copy for a run made elsewhere', async () => {
    const run = await newRun();
    await run.appendMetrics(record(1));
    await mkdir(path.join(folder, 'other'));
    await writeFile(path.join(folder, 'other', 'events.out.tfevents.1.host'), '');
    expect((await findExternalFiles([folder])).map(({ file }) => file)).toEqual([path.join(folder, 'other', 'events.out.tfevents.1.host')]);
  });
});

describe('the format', () => {
  it('is that of an independent writer', async () => {
    const fixture = await readEvents(fileURLToPath(new URL('fixtures/tensorboardx', import.meta.url)));
    const run = await newRun();
    for (const step of upTo(3)) await run.appendMetrics({ step, loss: 1 / step, time: new Date(1.7e12 + step * 1000).toISOString() });
    const events = await eventsOf(run);
    expect({ version: fixture.version, loss: fixture.scalars['train/loss'], times: fixture.wallTimes.slice(-3) }).toEqual({ version: events.version, loss: events.scalars['train/loss'], times: events.wallTimes.slice(-3) });
    expect(fixture.starts).toEqual(events.starts);
  });
});
