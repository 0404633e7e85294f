import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckpointContents } from '../../../extension/core/checkpoints/checkpoint-folder';
import { listRuns } from '../../../extension/core/runs/list-runs';
import { thisProcess } from '../../../extension/core/runs/processes';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import type { UserError } from '../../../extension/core/problems';
import { float32 } from '../../../extension/core/tensors';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-runs-'));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((run) => run.close()));
  await rm(folder, { recursive: true, force: true });
});

const sources = { resolvedYaml: 'mim: 1\nseed: 0\n', sourceYaml: 'mim: 1\n', environment: { node: 'v20' } };
const opened: RunDirectory[] = [];

async function newRun(name = 'first'): Promise<RunDirectory> {
  const run = await RunDirectory.create(folder, name, sources);
  opened.push(run);
  return run;
}

function contents(step: number, epoch = step): CheckpointContents {
  const tensor = float32([2, 3], Float32Array.from([step, 1, 2, 3, 4, 5]));
  return { step, epoch, model: { a: tensor }, method: { b: tensor }, state: { 'exp_avg.a': tensor }, stateJson: { step }, metadata: { note: 'x' } };
}

describe('a new run', () => {
  it('freezes the configuration and the environment, and starts as running', async () => {
    const run = await newRun();
    expect(await readFile(run.inside('config.yaml'), 'utf8')).toBe(sources.resolvedYaml);
    expect(await readFile(run.inside('source.yaml'), 'utf8')).toBe(sources.sourceYaml);
    expect(JSON.parse(await readFile(run.inside('environment.json'), 'utf8'))).toEqual(sources.environment);
    expect(await run.state()).toBe('running');
  });

  it('never takes the folder of another, even when many start at once', async () => {
    const runs = await Promise.all(Array.from({ length: 8 }, () => newRun('same')));
    expect(new Set(runs.map((run) => run.id)).size).toBe(8);
    expect(runs.map((run) => run.id).sort()).toEqual(['same', ...[2, 3, 4, 5, 6, 7, 8].map((n) => `same-${n}`)]);
  });

  it.each(['..', '.hidden', 'a/b', '', 'a\\b'])('refuses the name %j', async (name) => {
    await expect(newRun(name)).rejects.toMatchObject({ code: 'MIM7102' });
  });
});

describe('opening', () => {
  it('says that a folder is not a run', async () => {
    await expect(RunDirectory.open(folder)).rejects.toMatchObject({ code: 'MIM7103' });
  });
});

describe('metrics', () => {
  it('come back as written, in order, whatever is awaited', async () => {
    const run = await newRun();
    await Promise.all(Array.from({ length: 50 }, (_, step) => run.appendMetrics({ step, loss: 1 / (step + 1) })));
    const records = await run.readMetrics();
    expect(records.map(({ step }) => step)).toEqual(Array.from({ length: 50 }, (_, step) => step));
  });

  it('ignore a torn last line, which the next writer cuts off', async () => {
    const run = await newRun();
    await run.appendMetrics({ step: 1 });
    await run.close();
    await appendFile(run.inside('metrics.jsonl'), '{"step":2,"lo');
    expect(await run.readMetrics()).toEqual([{ step: 1 }]);
    const next = await RunDirectory.open(run.path);
    await next.appendMetrics({ step: 2 });
    await next.close();
    expect(await readFile(run.inside('metrics.jsonl'), 'utf8')).toBe('{"step":1}\n{"step":2}\n');
  });

  it('find the last whole line however long the torn one is', async () => {
    const run = await newRun();
    await appendFile(run.inside('metrics.jsonl'), `{"step":1}\n${'x'.repeat(200_000)}`);
    await run.appendMetrics({ step: 2 });
    expect(await run.readMetrics()).toEqual([{ step: 1 }, { step: 2 }]);
  });

  it('lose what was recorded past the step a run resumes from, and only that', async () => {
    const run = await newRun();
    for (const record of [{ event: 'start' }, { step: 1 }, { step: 2 }, { step: 3 }]) await run.appendMetrics(record);
    await run.truncateMetricsAfter(2);
    await run.appendMetrics({ step: 3, again: true });
    expect(await run.readMetrics()).toEqual([{ event: 'start' }, { step: 1 }, { step: 2 }, { step: 3, again: true }]);
  });
});

describe('checkpoints', () => {
  it('come back equal', async () => {
    const run = await newRun();
    const info = await run.saveCheckpoint(contents(7, 0.5));
    expect(path.basename(info.path)).toBe('step-000007');
    expect(await run.readCheckpoint(info)).toEqual(contents(7, 0.5));
    expect(await run.listCheckpoints()).toEqual([info]);
  });

  it('of the same step replace each other', async () => {
    const run = await newRun();
    await run.saveCheckpoint(contents(1, 1));
    await run.saveCheckpoint(contents(1, 2));
    expect((await run.listCheckpoints()).map(({ epoch }) => epoch)).toEqual([2]);
    expect(await readdir(run.inside('checkpoints'))).toEqual(['step-000001']);
  });

  it.each([
    ['cut short', async (file: string) => truncate(file, 40), /damaged: it has 40 bytes of/],
    ['with one bit flipped', flipBit, /damaged: its contents changed/],
    ['gone', async (file: string) => rm(file), /damaged: it is absent/],
  ])('%s are refused by name, and the one before serves', async (_, damage, message) => {
    const run = await newRun();
    const good = await run.saveCheckpoint(contents(1));
    for (const [step, name] of Object.keys(good.files).entries()) {
      const info = await run.saveCheckpoint(contents(step + 2));
      await damage(path.join(info.path, name));
      await expect(run.readCheckpoint(info)).rejects.toMatchObject({ code: 'MIM7201', message: expect.stringMatching(message) as unknown });
      await expect(run.readCheckpoint(info)).rejects.toThrow(path.join(info.path, name));
    }
    const passedOver: string[] = [];
    expect(await run.latestGoodCheckpoint((error) => passedOver.push(error.message))).toEqual(good);
    expect(passedOver).toHaveLength(4);
  });

  it('that were not finished are ignored, and cleared by the next writer', async () => {
    const run = await newRun();
    await run.saveCheckpoint(contents(1));
    await mkdir(run.inside('checkpoints', '.step-000002.tmp-1-abcd'));
    await writeFile(run.inside('checkpoints', '.step-000002.tmp-1-abcd', 'model.safetensors'), 'part');
    await mkdir(run.inside('checkpoints', 'step-000003'));
    expect((await run.listCheckpoints()).map(({ step }) => step)).toEqual([1]);
    await run.lock();
    expect((await readdir(run.inside('checkpoints'))).sort()).toEqual(['step-000001', 'step-000003']);
    await run.close();
  });

  it('pushed aside by a replacement that never came are put back', async () => {
    const run = await newRun();
    const info = await run.saveCheckpoint(contents(4));
    await (await import('node:fs/promises')).rename(info.path, run.inside('checkpoints', '.step-000004.tmp-1-abcd'));
    await run.lock();
    expect(await run.latestGoodCheckpoint()).toEqual(info);
    await run.close();
  });

  it('are pruned to the newest two and one every so many epochs', async () => {
    const run = await newRun();
    for (let epoch = 1; epoch <= 11; epoch++) await run.saveCheckpoint(contents(epoch * 10, epoch));
    await run.pruneCheckpoints({ newest: 2, everyEpochs: 4 });
    expect((await run.listCheckpoints()).map(({ epoch }) => epoch)).toEqual([4, 8, 10, 11]);
    await run.pruneCheckpoints({ newest: 2, everyEpochs: 4 });
    expect((await run.listCheckpoints()).map(({ epoch }) => epoch)).toEqual([4, 8, 10, 11]);
  });

  it('past the one that a run resumes from step aside, so that pruning keeps what is saved next', async () => {
    const run = await newRun();
    for (const step of [50, 99, 100]) await run.saveCheckpoint(contents(step, step + 0.5));
    await flipBit(run.inside('checkpoints', 'step-000099', 'state.safetensors'));
    await writeFile(run.inside('checkpoints', 'step-000100', 'manifest.json'), '{');
    const moved = await run.setAsideCheckpointsAfter(50);
    expect(moved).toEqual([
      { step: 99, path: run.inside('checkpoints', 'set-aside-step-000099') },
      { step: 100, path: run.inside('checkpoints', 'set-aside-step-000100') },
    ]);
    await run.saveCheckpoint(contents(51, 51.5));
    expect(await run.pruneCheckpoints({ newest: 2, everyEpochs: 1000 })).toEqual([]);
    expect((await run.latestGoodCheckpoint())?.step).toBe(51);
    await run.lock();
    expect((await readdir(run.inside('checkpoints'))).sort()).toEqual(['set-aside-step-000099', 'set-aside-step-000100', 'step-000050', 'step-000051']);
  });

  it('that stepped aside are never lost to another of the same step', async () => {
    const run = await newRun();
    for (const name of ['set-aside-step-000002', 'set-aside-step-000002-2', 'set-aside-step-000002-3']) {
      await run.saveCheckpoint(contents(2));
      expect(await run.setAsideCheckpointsAfter(1)).toEqual([{ step: 2, path: run.inside('checkpoints', name) }]);
    }
    expect(await run.setAsideCheckpointsAfter(1)).toEqual([]);
  });

  it('are not pruned when they were saved last, whatever their step', async () => {
    const run = await newRun();
    const [good, first, second] = [await run.saveCheckpoint(contents(50, 50.5)), await run.saveCheckpoint(contents(99, 99.5)), await run.saveCheckpoint(contents(100, 100.5))];
    await passTime();
    const latest = await run.saveCheckpoint(contents(51, 51.5));
    expect(await run.pruneCheckpoints({ newest: 2, everyEpochs: 1000 })).toEqual([good]);
    expect(await run.listCheckpoints()).toEqual([latest, first, second]);
  });
});

describe('the lock', () => {
  it('lets one process train at a time', async () => {
    const run = await newRun();
    await run.lock();
    const second = await RunDirectory.open(run.path);
    await expect(second.lock()).rejects.toMatchObject({ code: 'MIM7101', message: expect.stringContaining(String(process.pid)) as unknown });
    await run.close();
    await second.lock();
    await second.close();
  });

  it('of a process that is gone, or whose id now is another’s, is taken over', async () => {
    const run = await newRun();
    const me = await thisProcess();
    for (const owner of [{ ...me, pid: 2 ** 22 + 1 }, { ...me, processStart: 'another boot:1' }]) {
      await writeFile(run.inside('lock'), JSON.stringify(owner));
      await run.lock();
      await run.close();
    }
  });

  it('of another host counts while its heart beats', async () => {
    const run = await newRun();
    await writeFile(run.inside('lock'), JSON.stringify({ ...(await thisProcess()), host: 'elsewhere' }));
    await run.beat();
    await expect(run.lock()).rejects.toMatchObject({ code: 'MIM7101' });
    for (const file of ['heartbeat', 'lock']) await utimes(run.inside(file), 0, 0);
    await run.lock();
    await run.close();
  });

  it('that is damaged does not shut everyone out', async () => {
    const run = await newRun();
    await writeFile(run.inside('lock'), '{"pid":');
    await utimes(run.inside('lock'), 0, 0);
    await run.lock();
    await run.close();
  });

  it('that is stale is removed though one who was about to died', async () => {
    const run = await newRun();
    await writeFile(run.inside('lock'), JSON.stringify({ ...(await thisProcess()), pid: 2 ** 22 + 1 }));
    await writeFile(run.inside('lock.stale'), '');
    await expect(run.lock()).rejects.toMatchObject({ code: 'MIM7101' });
    await utimes(run.inside('lock.stale'), 0, 0);
    await run.lock();
    await run.close();
    expect(await readdir(run.path)).not.toContain('lock.stale');
  });

  it('goes to exactly one of many who find it stale', async () => {
    const run = await newRun();
    await writeFile(run.inside('lock'), JSON.stringify({ ...(await thisProcess()), pid: 2 ** 22 + 1 }));
    const contenders = await Promise.all(Array.from({ length: 6 }, () => RunDirectory.open(run.path)));
    const outcomes = await Promise.allSettled(contenders.map((contender) => contender.lock()));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await Promise.all(contenders.map((contender) => contender.close()));
  });
});

describe('state', () => {
  it('is what status.json says, until the process is gone', async () => {
    const run = await newRun();
    await run.writeStatus({ step: 3, totalSteps: 10, loss: 0.5, unreadableImages: 2 });
    expect(await run.readStatus()).toMatchObject({ state: 'running', step: 3, totalSteps: 10, loss: 0.5, unreadableImages: 2, pid: process.pid });
    expect(await run.state()).toBe('running');
    const gone = JSON.parse(await readFile(run.inside('status.json'), 'utf8')) as object;
    await writeFile(run.inside('status.json'), JSON.stringify({ ...gone, pid: 2 ** 22 + 1 }));
    expect(await run.state()).toBe('lost');
    for (const state of ['finished', 'stopped', 'failed'] as const) {
      await run.writeStatus({ state });
      expect(await run.state()).toBe(state);
    }
  });

  it('of a run on another host follows the heartbeat', async () => {
    const run = await newRun();
    const status = JSON.parse(await readFile(run.inside('status.json'), 'utf8')) as object;
    await writeFile(run.inside('status.json'), JSON.stringify({ ...status, host: 'elsewhere' }));
    expect(await run.state()).toBe('running');
    await utimes(run.inside('heartbeat'), 0, 0);
    expect(await run.state()).toBe('lost');
  });

  it('is lost where status.json is damaged, and the next write mends it', async () => {
    const run = await newRun();
    await writeFile(run.inside('status.json'), '{');
    expect(await run.state()).toBe('lost');
    await expect(run.readStatus()).rejects.toMatchObject({ code: 'MIM7104' });
    await run.writeStatus({ state: 'finished' });
    expect(await run.state()).toBe('finished');
  });
});

describe('requests', () => {
  it('reach the trainer: stop stays, a checkpoint is handed over once', async () => {
    const run = await newRun();
    expect([await run.stopRequested(), await run.takeCheckpointRequest()]).toEqual([false, false]);
    await run.requestCheckpoint();
    await run.requestStop();
    expect([await run.takeCheckpointRequest(), await run.takeCheckpointRequest()]).toEqual([true, false]);
    expect([await run.stopRequested(), await run.stopRequested()]).toEqual([true, true]);
  });

  it('meant for a trainer that is gone do not stop the next', async () => {
    const run = await newRun();
    await run.requestStop();
    await run.lock();
    expect(await run.stopRequested()).toBe(false);
  });
});

describe('evaluations and samples', () => {
  it('come back by step', async () => {
    const run = await newRun();
    await run.writeEvaluation('linear', 20, { top1: 0.4 });
    await run.writeEvaluation('knn', 20, { top1: 0.3 });
    await run.writeEvaluation('knn', 3, { top1: 0.1 });
    expect((await run.readEvaluations()).map(({ protocol, step }) => `${protocol}@${step}`)).toEqual(['knn@3', 'knn@20', 'linear@20']);
  });

  it('are read but for a damaged one, which is told of', async () => {
    const run = await newRun();
    for (const step of [1, 2, 3]) await run.writeEvaluation('knn', step, { top1: 0.1 });
    await writeFile(run.inside('evaluations', 'knn-2.json'), '{"top1":');
    expect((await run.readEvaluations()).map(({ step }) => step)).toEqual([1, 3]);
    const told: UserError[] = [];
    await run.readEvaluations((error) => told.push(error));
    expect(told).toMatchObject([{ code: 'MIM7104', message: expect.stringContaining(run.inside('evaluations', 'knn-2.json')) as unknown }]);
  });

  it('stay inside the run', async () => {
    const run = await newRun();
    await run.writeSample('masks-1.png', new Uint8Array([1, 2]));
    expect(await readdir(run.inside('samples'))).toEqual(['masks-1.png']);
    await expect(run.writeSample('../evil.png', new Uint8Array())).rejects.toThrow(RangeError);
  });
});

describe('listRuns', () => {
  it('has every run of a folder and nothing else', async () => {
    await newRun('a');
    const b = await newRun('b');
    await b.writeStatus({ state: 'finished' });
    await mkdir(path.join(folder, 'not-a-run'));
    const runs = await listRuns(folder);
    expect(runs.map(({ id, state }) => [id, state]).sort()).toEqual([['a', 'running'], ['b', 'finished']]);
    expect(await listRuns(path.join(folder, 'nowhere'))).toEqual([]);
  });
});

/** Until the clock shows another millisecond, which is what checkpoints are dated by. */
async function passTime(): Promise<void> {
  const now = Date.now();
  while (Date.now() === now) await new Promise((resolve) => setImmediate(resolve));
}

async function flipBit(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(file, bytes);
}
