import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { killedAt } from '../faults/kill-point';
import { ensureBuilt, startMim, type RunningMim } from '../unit/cli/built-mim';
import { isRunning, pidOfRank, startRanks } from './mpirun';

const experiment = `
mim: 1
name: shared
method: maskalign
data: { kind: shapes, size: 64, test_size: 40, image_size: 16, threads: 1 }
student: { patch_size: 4, width: 16, depth: 2, heads: 2, drop_path: 0.1 }
teacher: { ema: { momentum: 0.9 } }
masking: { strategy: attentive, ratio: 0.5 }
optimizer: { batch_size: 8, lr: 1e-3, clip_grad: 1 }
schedule: { epochs: 40, warmup_epochs: 1 }
engine: { kind: compiled-cpu, threads: 1 }
checkpoints: { every: 1, keep_every: 1000 }
`;

let folder: string;
let config: string;
let whole: RunDirectory;
beforeAll(async () => {
  ensureBuilt();
  folder = await mkdtemp(join(tmpdir(), 'mim-leaving-'));
  config = join(folder, 'shared.mim.yaml');
  await writeFile(config, experiment);
  const job = startRanks(2, pretrain('whole'));
  expect((await job.ended).code, job.stderr()).toBe(0);
  whole = await RunDirectory.open(join(runs(), 'whole'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const runs = (): string => join(folder, 'runs');
const pretrain = (name: string, ...more: readonly string[]): string[] => ['pretrain', config, '--runs', runs(), '--name', name, ...more];
const open = (name: string): Promise<RunDirectory> => RunDirectory.open(join(runs(), name));

/** Long enough never to end by itself within a test. */
const endless = ['--set', 'schedule.epochs=100000'];

async function expectAsUninterrupted(name: string): Promise<void> {
  const run = await open(name);
  expect(await run.state()).toBe('finished');
  const [found, good] = [(await run.latestGoodCheckpoint())!, (await whole.latestGoodCheckpoint())!];
  for (const file of ['model.safetensors', 'method.safetensors', 'state.safetensors']) {
    expect((await readFile(join(found.path, file))).equals(await readFile(join(good.path, file))), file).toBe(true);
  }
  const losses = async (of: RunDirectory): Promise<unknown> => (await of.readMetrics()).map(({ step, loss }) => [step, loss]);
  expect(await losses(run)).toEqual(await losses(whole));
}

async function resumed(name: string, ranks: number): Promise<void> {
  const job = ranks === 1 ? startMim(['resume', name, '--runs', runs()]) : startRanks(ranks, ['resume', name, '--runs', runs()]);
  expect((await job.ended).code, job.stderr()).toBe(0);
}

async function stepsDone(run: string, least: number): Promise<void> {
  for (;;) {
    const status = await open(run).then((found) => found.readMetrics()).catch(() => []);
    if (status.length >= least) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('ranks that are asked to stop', () => {
  const ways: readonly (readonly [way: string, ask: (job: RunningMim, name: string) => unknown])[] = [
    ['a signal that mpirun passes on', (job) => job.process.kill('SIGUSR1')],
    ['a signal to a rank that does not lead', (job) => process.kill(pidOfRank(job, 1), 'SIGTERM')],
    ['mim stop', (_job, name) => startMim(['stop', name, '--runs', runs()]).ended],
  ];

  it.each(ways)('%s: all leave at the same step with a checkpoint, and resumed end as if never stopped', async (way, ask) => {
    const name = way.replaceAll(' ', '-');
    const job = startRanks(2, pretrain(name));
    await stepsDone(name, 10);
    await ask(job, name);
    expect((await job.ended).code, job.stderr()).toBe(3);
    const run = await open(name);
    const { step } = await run.readStatus();
    expect(await run.state()).toBe('stopped');
    expect(step).toBeLessThan(320);
    expect((await run.latestGoodCheckpoint())?.step).toBe(step);
    await resumed(name, 2);
    await expectAsUninterrupted(name);
  });

  it('a run goes on with another number of ranks that shares its parts, also with one', async () => {
    const job = startRanks(2, pretrain('fewer'));
    await stepsDone('fewer', 10);
    job.process.kill('SIGUSR1');
    expect((await job.ended).code, job.stderr()).toBe(3);
    const three = startRanks(3, ['resume', 'fewer', '--runs', runs()]);
    expect((await three.ended).code).not.toBe(0);
    expect(three.stderr()).toContain('MIM8106');
    await resumed('fewer', 1);
    await expectAsUninterrupted('fewer');
  });

  it('a paused run waits without computing and goes on', async () => {
    const job = startRanks(2, pretrain('paused'));
    await stepsDone('paused', 10);
    await startMim(['pause', 'paused', '--runs', runs()]).ended;
    await job.said(/Paused after a checkpoint/);
    expect(await (await open('paused')).state()).toBe('paused');
    await startMim(['continue', 'paused', '--runs', runs()]).ended;
    expect((await job.ended).code, job.stderr()).toBe(0);
    await expectAsUninterrupted('paused');
  });
});

describe('ranks that fail', () => {
  it.each([0, 1])('rank %i killed: all end, the last checkpoint is whole, and resumed the run ends as if nothing happened', async (rank) => {
    const name = `killed-${rank}`;
    const job = startRanks(2, pretrain(name));
    await stepsDone(name, 20);
    const pids = [0, 1].map((each) => pidOfRank(job, each));
    process.kill(pids[rank]!, 'SIGKILL');
    expect((await job.ended).code).not.toBe(0);
    await expect.poll(() => pids.filter(isRunning), { timeout: 30_000 }).toEqual([]);
    const run = await open(name);
    expect(await run.state()).toBe('lost');
    expect((await run.latestGoodCheckpoint())!.step).toBeGreaterThanOrEqual(16);
    await resumed(name, 2);
    await expectAsUninterrupted(name);
  });

  it('killed while a checkpoint is written, they leave the one before', async () => {
    const job = startRanks(2, pretrain('half'), killedAt({ nth: 3, operation: /^rename$/, path: /\/step-\d+$/ }));
    expect((await job.ended).code).not.toBe(0);
    expect((await (await open('half')).latestGoodCheckpoint())?.step).toBe(8);
    await resumed('half', 2);
    await expectAsUninterrupted('half');
  });

  it('an error on one rank is told once and ends all', async () => {
    const job = startRanks(2, pretrain('broken', ...endless, '--set', 'optimizer.lr=1e30', '--set', 'optimizer.clip_grad=1e30'));
    expect((await job.ended).code).toBe(1);
    expect(job.stderr().match(/error MIM8001/g)).toHaveLength(1);
    expect(await (await open('broken')).state()).toBe('failed');
  });
});

describe('processes started together', () => {
  it('never train one by one where MPI cannot be loaded', async () => {
    const job = startRanks(2, pretrain('apart'), { MIM_MPI_LIBRARY: join(folder, 'libmpi.so') });
    expect((await job.ended).code).not.toBe(0);
    expect(job.stderr()).toContain('MIM8101');
    await expect(open('apart')).rejects.toThrow();
  });

  it('never train one by one where Slurm started them without MPI', async () => {
    const mim = startMim(pretrain('step'), { SLURM_STEP_NUM_TASKS: '2', SLURM_PROCID: '0' });
    expect((await mim.ended).code).toBe(1);
    expect(mim.stderr()).toMatch(/MIM8102[^]*--mpi=pmix/);
    await expect(open('step')).rejects.toThrow();
  });

  it('of a batch that they cannot share say what would be right', async () => {
    const job = startRanks(3, pretrain('uneven'));
    expect((await job.ended).code).not.toBe(0);
    expect(job.stderr()).toContain(`${config}:9:`);
    expect(job.stderr()).toContain('A batch of 8 cannot be split evenly over 3 ranks.');
    await expect(open('uneven')).rejects.toThrow();
  });

  it('do not share a sweep', async () => {
    const job = startRanks(2, ['sweep', config]);
    expect((await job.ended).code).toBe(2);
    expect(job.stderr()).toContain('MIM8105');
  });

  it('train alone each where that is asked for', async () => {
    const job = startRanks(2, pretrain('loners', '--no-mpi', '--set', 'schedule.epochs=2'));
    expect((await job.ended).code, job.stderr()).toBe(0);
    for (const name of ['loners', 'loners-2']) expect(await (await open(name)).state()).toBe('finished');
  });
});
