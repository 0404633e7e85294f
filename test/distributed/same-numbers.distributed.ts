import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../extension/core/checkpoints/safetensors';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import type { NamedTensors } from '../../extension/core/tensors';
import { ensureBuilt, startMim, type RunningMim } from '../unit/cli/built-mim';
import { startRanks } from './mpirun';

const common = `
data: { kind: shapes, size: 64, test_size: 40, image_size: 16, threads: 1 }
student: { patch_size: 4, width: 16, depth: 2, heads: 2, drop_path: 0.1 }
schedule: { epochs: 4, warmup_epochs: 1 }
engine: { kind: compiled-cpu, threads: 1 }
checkpoints: { every: 2, keep_every: 1000 }
evaluate: [{ protocol: knn, at: end, k: 5 }]
`;

/** All that a rank could get wrong: masks, noise and drop-path by part, clipping of the whole gradient, averages, a teacher that moves. */
const experiments = {
  selfTaught: `
mim: 1
method: maskalign
teacher: { ema: { momentum: 0.9 } }
masking: { strategy: attentive, ratio: 0.5 }
optimizer: { batch_size: 8, lr: 1e-3, clip_grad: 1 }
${common}`,
  rising: `
mim: 1
method: mae
masking: { ratio: 0.5, ratio_end: 0.75, ratio_stages: 2 }
optimizer: { batch_size: 8, lr: 1e-3 }
${common}`,
  supervised: `
mim: 1
method: supervised
optimizer: { batch_size: 8, lr: 1e-3, clip_grad: 0.5, ema: 0.99 }
${common}`,
};

let folder: string;
beforeAll(async () => {
  ensureBuilt();
  folder = await mkdtemp(join(tmpdir(), 'mim-ranks-'));
  for (const [name, text] of Object.entries(experiments)) await writeFile(join(folder, `${name}.mim.yaml`), text);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const args = (experiment: string, name: string, accumulate: number): string[] => ['pretrain', join(folder, `${experiment}.mim.yaml`), '--runs', join(folder, 'runs'), '--name', name, '--set', `optimizer.accumulate=${accumulate}`];

async function finished(job: RunningMim, name: string): Promise<RunDirectory> {
  expect((await job.ended).code, job.stderr()).toBe(0);
  const run = await RunDirectory.open(join(folder, 'runs', name));
  expect(await run.state()).toBe('finished');
  return run;
}

const aloneRuns = new Map<string, Promise<RunDirectory>>();
function alone(experiment: string, accumulate: number): Promise<RunDirectory> {
  const name = `${experiment}-alone-${accumulate}`;
  const run = aloneRuns.get(name) ?? finished(startMim(args(experiment, name, accumulate)), name);
  aloneRuns.set(name, run);
  return run;
}

const together = async (experiment: string, ranks: number, accumulate = 1): Promise<RunDirectory> => {
  const name = `${experiment}-${ranks}-ranks-${accumulate}`;
  return finished(startRanks(ranks, args(experiment, name, accumulate)), name);
};

/** Everything a step says but the time it took. */
async function readings(run: RunDirectory): Promise<unknown[]> {
  return (await run.readMetrics()).map((record) => ({ ...record, images_per_second: undefined, time: undefined }));
}

const files = ['model.safetensors', 'method.safetensors', 'state.safetensors'];

async function bytesOfLast(run: RunDirectory, file: string): Promise<Buffer> {
  return readFile(join((await run.latestGoodCheckpoint())!.path, file));
}

describe.each(Object.keys(experiments))('%s', (experiment) => {
  it.each([2, 4])('%i ranks end with the bits of one process that accumulates as many parts', async (count) => {
    const [expected, run] = [await alone(experiment, count), await together(experiment, count)];
    expect(await readings(run)).toEqual(await readings(expected));
    for (const file of files) expect((await bytesOfLast(run, file)).equals(await bytesOfLast(expected, file)), file).toBe(true);
    expect((await run.readEvaluations()).map(({ protocol, result }) => [protocol, (result as { top1: number }).top1])).toEqual((await expected.readEvaluations()).map(({ protocol, result }) => [protocol, (result as { top1: number }).top1]));
    expect(await run.readConfig()).toBe((await expected.readConfig()).replaceAll(expected.id, run.id));
    const environment = JSON.parse(await readFile(run.inside('environment.json'), 'utf8')) as { ranks: number; hosts: string[] };
    expect(environment.ranks).toBe(count);
    expect(environment.hosts).toHaveLength(count);
  });

  it('ranks that accumulate themselves add in another order: the same to rounding', async () => {
    const [expected, run] = [await alone(experiment, 4), await together(experiment, 2, 2)];
    const [losses, found] = await Promise.all([expected, run].map(async (of) => (await of.readMetrics()).map(({ loss }) => loss as number)));
    expect(found).toHaveLength(losses!.length);
    expect(Math.max(...losses!.map((loss, i) => Math.abs(found![i]! - loss) / loss))).toBeLessThan(1e-6);
    expect(await largestDifference(expected, run)).toBeLessThan(1e-6);
  });
});

/**
 * Of all parameters, relative to the largest of their tensor. The bias of the keys is left out: its gradient is zero but for rounding,
 * which Adam turns into steps of the learning rate.
 */
async function largestDifference(a: RunDirectory, b: RunDirectory): Promise<number> {
  const read = async (run: RunDirectory): Promise<NamedTensors> => (await readSafetensors(join((await run.latestGoodCheckpoint())!.path, 'model.safetensors'))).tensors;
  const [expected, found] = [await read(a), await read(b)];
  let largest = 0;
  for (const [name, { data }] of Object.entries(expected)) {
    const isKeyBias = (i: number): boolean => name.endsWith('attn.qkv.bias') && i >= data.length / 3 && i < (2 * data.length) / 3;
    const values = Array.from(data);
    // Of a tensor that is zero, the difference itself.
    const scale = Math.max(...values.map(Math.abs)) || 1;
    values.forEach((value, i) => {
      if (!isKeyBias(i)) largest = Math.max(largest, Math.abs(found[name]!.data[i]! - value) / scale);
    });
  }
  return largest;
}
