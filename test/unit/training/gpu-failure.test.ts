/** A training whose GPU fails on the way: it says what to do, and its last checkpoint is good. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { UserError } from '../../../extension/core/problems';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { OnnxProgram } from '../../../extension/training/engines/compiled/compiled-program';
import { explainedGpuError } from '../../../extension/training/engines/gpu-errors';
import { pretrain, resume } from '../../../extension/training/pretrain';

let folder: string;
let configFile: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-gpu-failure-'));
  configFile = join(folder, 'run.mim.yaml');
  const experiment = ['mim: 1', 'method: supervised', 'data: { kind: shapes, size: 32, image_size: 16 }', 'student: { patch_size: 4, width: 16, depth: 1, heads: 2 }', 'optimizer: { batch_size: 8, lr: 1e-3 }', 'schedule: { epochs: 3 }', 'samples: { count: 0 }', 'checkpoints: { every: 1 }', 'engine: { kind: compiled-cpu, threads: 1, steps_per_run: 1 }', 'runs: runs'];
  await writeFile(configFile, experiment.join('\n'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

/** From the sixth step on it fails, as a GPU does. */
async function failing(said: string): Promise<{ error: UserError; run: RunDirectory }> {
  const compute = Reflect.get(OnnxProgram.prototype, 'run') as OnnxProgram['run'];
  let steps = 0;
  vi.spyOn(OnnxProgram.prototype, 'run').mockImplementation(function (this: OnnxProgram, state, batches) {
    if (batches[0]?.['lr'] && ++steps > 5) return Promise.reject(explainedGpuError(new Error(said), `it ran "${this.program.name}"`) as Error);
    return compute.call(this, state, batches);
  });
  const error: UserError = await pretrain({ configFile, name: 'run' }).then(() => expect.unreachable(), (reason: UserError) => reason);
  vi.restoreAllMocks();
  return { error, run: await RunDirectory.open(join(folder, 'runs', 'run')) };
}

it('says that the GPU was lost, and from which checkpoint the training goes on', async () => {
  const { error, run } = await failing('Device lost');
  expect(error).toMatchObject({ code: 'MIM4011', message: expect.stringMatching(/Device lost\. The last checkpoint is that of step 4\.$/) as string, hint: expect.stringContaining('`mim resume') as string });
  expect(await run.state()).toBe('failed');
  expect((await run.latestGoodCheckpoint())?.step).toBe(4);
  expect(await resume({ run: run.path })).toMatchObject({ state: 'finished', steps: 12 });
});

it('says how many images at a time would fit where the memory is full', async () => {
  const { error } = await failing('Not enough memory left');
  expect(error).toMatchObject({ code: 'MIM4012', hint: expect.stringMatching(/^A new run with `--set optimizer\.accumulate=2` computes 4 images at a time instead of 8, with the same 8 a step\./) as string });
});
