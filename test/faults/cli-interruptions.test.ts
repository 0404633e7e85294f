import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { ensureBuilt, startMim } from '../unit/cli/built-mim';

/** Long enough never to end by itself within a test; one checkpoint at step 0 and then only on request. */
const endless = ['--set', 'schedule.epochs=100000', '--set', 'checkpoints.every=50000'];

const experiment = `
mim: 1
name: tiny
method: maskalign
data: { kind: shapes, size: 64, test_size: 40, image_size: 16, threads: 1 }
student: { patch_size: 4, width: 16, depth: 2, heads: 2, drop_path: 0.1 }
teacher: { ema: { momentum: 0.9 } }
masking: { strategy: attentive, ratio: 0.5 }
optimizer: { batch_size: 8, lr: 1e-3 }
schedule: { epochs: 40, warmup_epochs: 1 }
engine: { kind: compiled-cpu, threads: 1 }
checkpoints: { every: 1, keep_every: 100 }
`;

let folder: string;
let config: string;
beforeAll(async () => {
  ensureBuilt();
  folder = await mkdtemp(join(tmpdir(), 'mim-faults-'));
  config = join(folder, 'tiny.mim.yaml');
  await writeFile(config, experiment);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const runs = (): string => join(folder, 'runs');

async function modelOf(run: string): Promise<Buffer> {
  const checkpoints = await (await RunDirectory.open(run)).listCheckpoints();
  return readFile(join(checkpoints.at(-1)!.path, 'model.safetensors'));
}

describe('a training under way', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGUSR1'] as const)('%s ends it with a checkpoint of the step it had reached, and exit code 3', async (signal) => {
    const mim = startMim(['pretrain', config, '--runs', runs(), '--name', signal, ...endless]);
    await mim.said(/^step \d+/m);
    mim.process.kill(signal);
    expect((await mim.ended).code).toBe(3);
    expect(mim.stdout()).toContain(`mim resume`);
    const run = await RunDirectory.open(join(runs(), signal));
    const status = await run.readStatus();
    expect(await run.state()).toBe('stopped');
    expect(status.step).toBeGreaterThan(0);
    expect((await run.latestGoodCheckpoint())?.step).toBe(status.step);
  });

  it('a stop request from another process does the same', async () => {
    const training = startMim(['pretrain', config, '--runs', runs(), '--name', 'asked', ...endless]);
    await training.said(/^step \d+/m);
    const asking = startMim(['stop', 'asked', '--runs', runs()]);
    expect((await asking.ended).code).toBe(0);
    expect((await training.ended).code).toBe(3);
  });

  it('with --json every line of stdout is JSON, the last one the outcome', async () => {
    const mim = startMim(['pretrain', config, '--runs', runs(), '--name', 'lines', '--json', ...endless]);
    await mim.said(/"event":"step"/);
    mim.process.kill('SIGTERM');
    expect((await mim.ended).code).toBe(3);
    const events = mim.stdout().trimEnd().split('\n').map((line) => JSON.parse(line) as { event: string; state?: string });
    expect(events[0]?.event).toBe('start');
    expect(events.at(-1)).toMatchObject({ event: 'end', state: 'stopped' });
  });

  it('killed, it is lost; resumed, it ends with the parameters of one that was never interrupted', async () => {
    const whole = startMim(['pretrain', config, '--runs', runs(), '--name', 'whole']);
    expect((await whole.ended).code).toBe(0);

    const killed = startMim(['pretrain', config, '--runs', runs(), '--name', 'killed']);
    await killed.said(/^step \d+/m);
    killed.process.kill('SIGKILL');
    expect((await killed.ended).signal).toBe('SIGKILL');
    const run = await RunDirectory.open(join(runs(), 'killed'));
    expect(await run.state()).toBe('lost');

    const resumed = startMim(['resume', 'killed', '--runs', runs()]);
    expect((await resumed.ended).code, resumed.stderr()).toBe(0);
    expect((await modelOf(run.path)).equals(await modelOf(join(runs(), 'whole')))).toBe(true);
    const steps = (await run.readMetrics()).map((record) => record['step']);
    expect(steps).toEqual(Array.from({ length: 320 }, (_, i) => i + 1));
  });
});

describe('the program as a process', () => {
  it('a mistake in an experiment is told with its place and without a stack trace', async () => {
    const file = join(folder, 'bad.mim.yaml');
    await writeFile(file, experiment.replace('ratio: 0.5', 'ratio: 1.5'));
    const mim = startMim(['pretrain', file, '--runs', runs()]);
    expect((await mim.ended).code).toBe(2);
    expect(mim.stderr()).toContain(`${file}:8:40`);
    expect(mim.stderr()).not.toMatch(/^\s+at /m);
  });

  it('--debug shows the stack trace of an error', async () => {
    const mim = startMim(['resume', 'nothing', '--runs', runs(), '--debug']);
    expect((await mim.ended).code).toBe(4);
    expect(mim.stderr()).toMatch(/^\s+at /m);
  });

  it('starts without loading an engine', async () => {
    // Node then names every package it loads on stderr.
    const environment = { NODE_DEBUG: 'module' };
    const help = startMim(['--help'], environment);
    expect((await help.ended).code).toBe(0);
    expect(help.stderr()).not.toMatch(/onnxruntime|tensorflow|sharp/);

    const explain = startMim(['explain', config], environment);
    expect((await explain.ended).code).toBe(0);
    expect(explain.stderr()).toMatch(/tensorflow/);
  });

  it('a reader that stops early is no error', async () => {
    const mim = startMim(['schema']);
    mim.process.stdout?.destroy();
    expect((await mim.ended).code).toBe(0);
    expect(mim.stderr()).toBe('');
  });
});
