/** The queue of the built program: what it does when processes die, machines restart, and people change their minds. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readWorker } from '../../extension/core/jobs/job-files';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { ensureBuilt, startMim } from '../unit/cli/built-mim';
import { kill, QueueBench } from './queue-bench';
import { tinyExperiment } from './queue-experiment';

let bench: QueueBench;
beforeAll(ensureBuilt);
beforeEach(async () => {
  bench = await QueueBench.open();
});
afterEach(() => bench.close());

const inFolder = (...names: readonly string[]): string => join(bench.folder, ...names);

async function experiment(name: string, text = tinyExperiment({ name })): Promise<string> {
  await writeFile(inFolder(`${name}.mim.yaml`), text);
  return inFolder(`${name}.mim.yaml`);
}

const endless = (name: string): Promise<string> => experiment(name, tinyExperiment({ name, epochs: 100_000 }));

/** As after a restart: the numbers of processes are given to others. */
async function giveNumberToAnother(file: string): Promise<void> {
  const owner = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...owner, pid: process.pid, processStart: '00000000-0000-0000-0000-000000000000:1' }));
}

describe('after the machine was restarted', () => {
  it('trainings go on with their runs, and the lock of the supervisor that was is no obstacle', { timeout: 240_000 }, async () => {
    const [first, second] = await bench.add(await endless('first'), await endless('second'));
    const before = bench.supervise('--threads', '2');
    for (const id of [first!, second!]) await expect.poll(async () => (await bench.entry(id)).run, { timeout: 60_000 }).toBeDefined();
    before.process.kill('SIGKILL');
    await before.ended;
    for (const id of [first!, second!]) kill((await readWorker(inFolder('queue', 'entries', id, 'attempts', '1')))!.pid);
    await giveNumberToAnother(inFolder('queue', 'supervisor.lock'));
    await giveNumberToAnother(inFolder('queue', 'entries', first!, 'attempts', '1', 'worker.json'));
    // The other was killed before it could name its run.
    await rm(inFolder('queue', 'entries', second!, 'attempts', '1', 'run.json'), { force: true });

    const after = bench.supervise();
    await after.said(/2 second: started.*attempt 2/);
    for (const id of [first!, second!]) {
      const entry = await bench.until(id, 'running');
      expect(entry).toMatchObject({ attempts: 2, run: inFolder('runs', entry.name) });
      await expect.poll(() => bench.log(id, 2), { timeout: 60_000 }).toMatch(/Resumed from step|starts from its beginning/);
    }
    await bench.mim(['queue', 'cancel', first!, second!]);
    expect((await after.ended).code).toBe(0);
    expect((await readdir(inFolder('runs'))).sort()).toEqual(['first', 'second']);
  });

  it('one that vanishes again and again is given up', { timeout: 240_000 }, async () => {
    const [id] = await bench.add(await endless('doomed'));
    const supervisor = bench.supervise();
    for (const attempt of [1, 2, 3]) {
      const file = inFolder('queue', 'entries', id!, 'attempts', String(attempt), 'worker.json');
      await expect.poll(() => existsSync(file), { timeout: 60_000 }).toBe(true);
      kill((JSON.parse(await readFile(file, 'utf8')) as { pid: number }).pid);
    }
    expect((await supervisor.ended).code).toBe(0);
    expect(await bench.entry(id!)).toMatchObject({ state: 'failed', attempts: 3, reason: expect.stringContaining('vanished') as string });
  });
});

describe('a supervisor that died while it started a job', () => {
  it('before the process was there: the job is started as the same attempt', { timeout: 120_000 }, async () => {
    const [id] = await bench.add(await experiment('begun'));
    await mkdir(inFolder('queue', 'entries', id!, 'attempts', '1'), { recursive: true });
    await bench.runToEnd();
    expect(await bench.entry(id!)).toMatchObject({ state: 'done', attempts: 1 });
  });

  it('after it: of two processes one works, and the other leaves without a trace', { timeout: 120_000 }, async () => {
    const [id] = await bench.add(await experiment('twice'));
    const job = inFolder('queue', 'entries', id!, 'attempts', '1');
    await mkdir(job, { recursive: true });
    const args = ['pretrain', inFolder('twice.mim.yaml')];
    const both = [1, 2].map(() => startMim(args, { ...bench.environment, MIM_JOB: job }));
    const codes = (await Promise.all(both.map(({ ended }) => ended))).map(({ code }) => code);
    expect(codes).toEqual([0, 0]);
    expect(both.map((one) => one.stdout()).filter((text) => text !== '')).toHaveLength(1);
    await bench.runToEnd();
    expect(await bench.entry(id!)).toMatchObject({ state: 'done', attempts: 1 });
    expect(await readdir(inFolder('runs'))).toEqual(['twice']);
  });
});

describe('of two supervisors', () => {
  it('one works, and the other says who does', { timeout: 120_000 }, async () => {
    await bench.add(await experiment('a'));
    const both = [bench.supervise('--stay'), bench.supervise('--stay')];
    const refused = await Promise.race(both.map(async (one) => ((await one.ended).code === 1 ? one : undefined)));
    expect(refused?.stderr()).toMatch(/MIM7431.*process \d+/);
    const works = both.find((one) => one !== refused)!;
    await works.said(/1 a: done/);
    works.process.kill('SIGTERM');
    expect((await works.ended).code).toBe(0);
    expect(existsSync(inFolder('queue', 'supervisor.lock'))).toBe(false);
  });
});

describe('a chain from teacher to probe', () => {
  const labelled = (name: string, rest: string): string => tinyExperiment({ name }).replace(/^method.*\n/m, '').replace(/^teacher.*\n/m, '').replace('size: 16,', 'size: 32, test_size: 20,') + rest;

  it('runs in its order, and takes the teacher from the run that was made', { timeout: 240_000 }, async () => {
    const teacher = await experiment('teacher', labelled('teacher', 'method: supervised\n'));
    const student = await experiment('student', labelled('student', 'method: maskalign\nteacher: { checkpoint: runs/teacher }\n'));
    // The name is taken, so that the teacher's run gets another.
    await mkdir(inFolder('runs', 'teacher'), { recursive: true });
    await bench.add(teacher, student, '--chain', '--probe', 'knn');
    await bench.runToEnd();
    const { entries } = await bench.state();
    expect(entries.map(({ id, name, spec, state, after, reason }) => [id, name, spec.kind, state, after, reason])).toEqual([
      ['1', 'teacher', 'pretrain', 'done', [], undefined],
      ['2', 'teacher', 'evaluate', 'done', ['1'], undefined],
      ['3', 'student', 'pretrain', 'done', ['1'], undefined],
      ['4', 'student', 'evaluate', 'done', ['3'], undefined],
    ]);
    expect(await readFile(inFolder('runs', 'student', 'config.yaml'), 'utf8')).toContain(inFolder('runs', 'teacher-2'));
    expect(await (await RunDirectory.open(inFolder('runs', 'student'))).readEvaluations()).toHaveLength(1);
  });

  it('is blocked where one fails, and goes on when that is mended and retried', { timeout: 240_000 }, async () => {
    const teacher = await experiment('teacher');
    const student = await experiment('student');
    const [first, second] = await bench.add(teacher, student, '--chain');
    // It was whole when it was added.
    const { spec } = await bench.entry(first!);
    const file = (spec as { configFile: string }).configFile;
    const whole = await readFile(file, 'utf8');
    await writeFile(file, `${whole}\nnonsense: 1\n`);
    await bench.runToEnd();
    expect(await bench.entry(first!)).toMatchObject({ state: 'failed', reason: expect.stringContaining('nonsense') as string });
    expect(await bench.entry(second!)).toMatchObject({ state: 'blocked', attempts: 0, reason: `${first}, which it comes after, did not get done` });
    await writeFile(file, whole);
    // Starts a supervisor by itself.
    await bench.mim(['queue', 'retry', first!]);
    await bench.until(second!, 'done');
    expect(await bench.entry(first!)).toMatchObject({ state: 'done', attempts: 2 });
  });
});

describe('a sweep', () => {
  it('is queued cell by cell, each once, and its cells are known when they are done', { timeout: 240_000 }, async () => {
    const study = await experiment('study', `${tinyExperiment({ name: 'study' })}sweep: { grid: { optimizer.weight_decay: [0.05, 0.1] } }\n`);
    expect(await bench.add(study)).toEqual(['1', '2']);
    expect(await bench.add(study)).toEqual([]);
    await bench.runToEnd();
    const { entries } = await bench.state();
    expect(entries.map(({ spec, state, run }) => [spec.kind, state, run])).toEqual(['0.05', '0.1'].map((value) => ['cell', 'done', inFolder('runs', `study-weight_decay-${value}`)]));
    expect(await bench.add(study)).toEqual([]);
  });
});

describe('what was added', () => {
  it('is trained as it was then, and tells where it was written', { timeout: 120_000 }, async () => {
    const config = await experiment('early');
    await bench.add(config, '--set', 'seed=7');
    await writeFile(config, 'this is no experiment any more');
    await bench.runToEnd();
    const run = inFolder('runs', 'early');
    expect(await readFile(join(run, 'config.yaml'), 'utf8')).toMatch(/^seed: 7$/m);
    expect(await readFile(join(run, 'source.yaml'), 'utf8')).toBe(tinyExperiment({ name: 'early' }));
    expect(JSON.parse(await readFile(join(run, 'environment.json'), 'utf8'))).toMatchObject({ experimentFile: config });
  });
});

describe('a person', () => {
  it('cancels what waits and what is at work', { timeout: 120_000 }, async () => {
    const [running, waiting, other] = await bench.add(await endless('running'), await experiment('waiting'), await experiment('other'));
    const supervisor = bench.supervise('--threads', '1');
    await bench.until(running!, 'running');
    await bench.mim(['queue', 'cancel', waiting!]);
    expect((await bench.entry(waiting!)).state).toBe('cancelled');
    await expect.poll(async () => (await bench.entry(running!)).run, { timeout: 60_000 }).toBeDefined();
    await bench.mim(['queue', 'cancel', running!]);
    expect((await supervisor.ended).code).toBe(0);
    expect((await bench.state()).entries.map(({ state, attempts }) => [state, attempts])).toEqual([['cancelled', 1], ['cancelled', 0], ['done', 1]]);
    expect(await (await RunDirectory.open(inFolder('runs', 'running'))).state()).toBe('stopped');
    expect(await bench.mim(['queue', 'cancel', other!])).toContain('nothing to cancel');
  });

  it('pauses the queue with its trainings, holds, reorders, and goes on', { timeout: 240_000 }, async () => {
    const [running, second, third] = await bench.add(await endless('running'), await experiment('second'), await experiment('third'));
    bench.supervise('--threads', '1', '--stay');
    await bench.until(running!, 'running');
    await expect.poll(async () => (await bench.entry(running!)).run, { timeout: 60_000 }).toBeDefined();
    await bench.mim(['queue', 'pause', '--running']);
    await bench.until(running!, 'paused');
    await bench.mim(['queue', 'hold', second!]);
    await bench.mim(['queue', 'priority', third!, '5']);
    expect((await bench.state()).entries.map(({ state, priority, reason }) => [state, priority, reason])).toEqual([['paused', 0, undefined], ['held', 0, undefined], ['waiting', 5, 'the queue is paused']]);
    await bench.mim(['queue', 'resume']);
    await bench.until(running!, 'running');
    await bench.mim(['queue', 'cancel', running!]);
    await bench.until(third!, 'done');
    expect((await bench.entry(second!)).state).toBe('held');
    await bench.mim(['queue', 'release', second!]);
    await bench.until(second!, 'done');
    expect(await bench.mim(['queue', 'clear'], 2)).toContain('MIM7435');
    await bench.mim(['queue', 'clear', '--yes']);
    expect((await bench.state()).entries).toEqual([]);
    expect((await readdir(inFolder('runs'))).sort()).toEqual(['running', 'second', 'third']);
    expect(await bench.add(inFolder('second.mim.yaml'))).toEqual(['4']);
  });

  it('is told of mistakes before anything is added', { timeout: 120_000 }, async () => {
    const bad = await experiment('bad', tinyExperiment({ name: 'bad' }).replace('ratio: 0.5', 'ratio: 1.5'));
    expect(await bench.mim(['queue', 'add', await experiment('good'), bad], 2)).toMatch(/bad\.mim\.yaml:\d+:\d+/);
    expect(await bench.mim(['queue', 'add', inFolder('good.mim.yaml'), '--after', '7'], 4)).toContain('MIM7433');
    expect(await bench.mim(['queue', 'add', '@7', '--probe', 'knn'], 4)).toContain('MIM7433');
    expect(await bench.mim(['queue', 'add', '@7'], 2)).toContain('MIM7436');
    expect(await bench.mim(['queue', 'add', inFolder('god.mim.yaml')], 4)).toMatch(/Did you mean .*good/);
    expect((await bench.state()).entries).toEqual([]);
  });
});

describe('mim pretrain of an experiment whose launcher is the queue', () => {
  it('waits there, trains under its name, and is a new run each time', { timeout: 240_000 }, async () => {
    const file = await experiment('alone', `${tinyExperiment({ name: 'alone' })}launcher: queue\n`);
    const runs = inFolder('runs');
    expect(await bench.mim(['pretrain', file, '--note', 'because', '--wait'])).toContain('Sweep alone: all cells are done.');
    expect(await bench.mim(['pretrain', file, '--wait'])).toContain('Sweep alone: all cells are done.');
    expect((await readdir(runs)).filter((name) => !name.startsWith('.')).sort()).toEqual(['alone', 'alone-2']);
    expect(await readFile(join(runs, 'alone', 'log.txt'), 'utf8')).toContain('because');
    expect(await readFile(join(runs, 'alone', 'source.yaml'), 'utf8')).toContain('launcher: queue');
    expect(JSON.parse(await readFile(join(runs, 'alone', 'environment.json'), 'utf8')), 'it is no sweep’s').not.toHaveProperty('sweep');
  });

  it('trains here where that is asked for, and is refused while it is at work', { timeout: 240_000 }, async () => {
    const file = await experiment('endless', `${tinyExperiment({ name: 'endless', epochs: 100_000 })}launcher: queue\n`);
    const here = startMim(['pretrain', file, '--launcher', 'here'], bench.environment);
    await expect.poll(() => existsSync(inFolder('runs', 'endless', 'metrics.jsonl')), { timeout: 60_000 }).toBe(true);
    expect(await bench.mim(['pretrain', file], 5)).toContain('MIM7411');
    here.process.kill('SIGINT');
    expect((await here.ended).code).toBe(3);
  });
});
