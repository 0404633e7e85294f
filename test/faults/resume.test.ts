import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { nativeHere } from '../native-here';
import { ensureBuilt, startMim } from '../unit/cli/built-mim';
import { killedAt, type KillPoint } from './kill-point';

const common = (engine: string): string => `
data: { kind: shapes, size: 64, test_size: 40, image_size: 16, threads: 1 }
student: { patch_size: 4, width: 16, depth: 2, heads: 2, drop_path: 0.1 }
schedule: { epochs: 30, warmup_epochs: 1 }
engine: { kind: ${engine}, threads: 1, steps_per_run: 3 }
checkpoints: { every: 0.5, keep_every: 1000 }
evaluate: [{ protocol: knn, every: 10, at: end, k: 5 }]
`;

/** Everything that a resume must bring back: drop-path, masks, moments, averages, accumulated gradients, clipping. */
const experiments = {
  maskalign: (engine: string): string => `
mim: 1
method: maskalign
teacher: { ema: { momentum: 0.9 } }
masking: { strategy: attentive, ratio: 0.5 }
optimizer: { batch_size: 8, lr: 1e-3, ema: 0.99 }
${common(engine)}`,
  accumulated: (engine: string): string => `
mim: 1
method: supervised
optimizer: { batch_size: 8, accumulate: 2, lr: 1e-3, clip_grad: 1 }
${common(engine)}`,
};

/** In the order of training, so that each is reached: the process ends by itself there. */
const kills: readonly (readonly [moment: string, point: KillPoint])[] = [
  ['within the first line of the metrics', { nth: 1, operation: /^write$/, path: /metrics\.jsonl$/ }],
  ['within a later line of the metrics', { nth: 8, operation: /^write$/, path: /metrics\.jsonl$/ }],
  ['within the weights of a checkpoint', { nth: 2, operation: /^write$/, path: /model\.safetensors$/ }],
  ['before a checkpoint gets its name', { nth: 3, operation: /^rename$/, path: /\/step-\d+$/ }],
  ['while a checkpoint is pruned', { nth: 2, operation: /^rm$/, path: /\.step-\d+[^/]*$/ }],
  ['within the result of a probe', { nth: 1, operation: /^write$/, path: /evaluations\/[^/]*knn/ }],
];

let folder: string;
beforeAll(async () => {
  ensureBuilt();
  folder = await mkdtemp(join(tmpdir(), 'mim-resume-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a run killed again and again', () => {
  const cases = ['compiled-cpu', ...nativeHere].flatMap((engine) => Object.entries(experiments).map(([name, text]) => [name, engine, text(engine)] as const));

  it.each(cases)('%s on %s: ends with the bytes of the uninterrupted one', { timeout: 900_000 }, async (name, engine, text) => {
    const config = join(folder, `${name}.mim.yaml`);
    await writeFile(config, text);
    const runs = join(folder, engine);
    const whole = startMim(['pretrain', config, '--runs', runs, '--name', `${name}-whole`]);
    expect((await whole.ended).code, whole.stderr()).toBe(0);

    for (const [index, [moment, point]] of kills.entries()) {
      const args = index === 0 ? ['pretrain', config, '--runs', runs, '--name', `${name}-killed`] : ['resume', `${name}-killed`, '--runs', runs];
      const mim = startMim(args, killedAt(point));
      expect((await mim.ended).signal, `${moment}: ${mim.stderr()}`).toBe('SIGKILL');
      expect(await (await RunDirectory.open(join(runs, `${name}-killed`))).state(), moment).toBe('lost');
    }
    const last = startMim(['resume', `${name}-killed`, '--runs', runs]);
    expect((await last.ended).code, last.stderr()).toBe(0);

    const expected = await RunDirectory.open(join(runs, `${name}-whole`));
    const run = await RunDirectory.open(join(runs, `${name}-killed`));
    expect(await run.state()).toBe('finished');
    const [good, found] = [(await expected.latestGoodCheckpoint())!, (await run.latestGoodCheckpoint())!];
    expect(found.step).toBe(good.step);
    for (const file of ['model.safetensors', 'method.safetensors', 'state.safetensors']) {
      expect((await readFile(join(found.path, file))).equals(await readFile(join(good.path, file))), file).toBe(true);
    }
    const steps = (await run.readMetrics()).map((record) => [record['step'], record['loss']]);
    expect(steps).toEqual((await expected.readMetrics()).map((record) => [record['step'], record['loss']]));
    const probes = async (of: RunDirectory): Promise<unknown> => (await of.readEvaluations()).map(({ protocol, step, result }) => [protocol, step, (result as { top1: number }).top1]);
    expect(await probes(run)).toEqual(await probes(expected));
  });
});
