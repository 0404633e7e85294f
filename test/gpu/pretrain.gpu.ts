/** Whole trainings and evaluations on WebGPU, as processes: they end by themselves, and a stop changes no bit. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { gpuEngines } from './gpu-engines';
import { answerOf, ensureBuilt, startMim } from '../unit/cli/built-mim';

const experiment = (kind: string, precision: string): string => `
mim: 1
method: maskalign
data: { kind: shapes, size: 24, test_size: 16, image_size: 16, threads: 1 }
student: { patch_size: 4, width: 16, depth: 2, heads: 2, drop_path: 0.1 }
teacher: { ema: { momentum: 0.9 } }
masking: { strategy: attentive, ratio: 0.5 }
optimizer: { batch_size: 8, lr: 1e-3 }
schedule: { epochs: 2, warmup_epochs: 1 }
engine: { kind: ${kind}, threads: 1, precision: ${precision} }
evaluate: []
samples: { count: 0 }
`;

describe.each([...gpuEngines.map((kind) => [kind, 'float32'] as const), ['wgsl', 'float16'] as const])('on %s in %s', (kind, precision) => {
  let folder: string;
  beforeAll(async () => {
    ensureBuilt();
    folder = await mkdtemp(join(tmpdir(), 'mim-gpu-'));
    await writeFile(join(folder, 'micro.mim.yaml'), experiment(kind, precision));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const pretrain = (name: string): readonly string[] => ['pretrain', join(folder, 'micro.mim.yaml'), '--runs', folder, '--name', name];

  it('trains, stops, goes on, and ends with the bytes of the training that was not stopped', async () => {
    const whole = startMim(pretrain('whole'));
    expect((await whole.ended).code, whole.stderr()).toBe(0);

    const stopped = startMim(pretrain('stopped'));
    await stopped.said(/step \d+/);
    stopped.process.kill('SIGINT');
    await stopped.ended;
    const [expected, run] = [await RunDirectory.open(join(folder, 'whole')), await RunDirectory.open(join(folder, 'stopped'))];
    expect(await run.state(), stopped.stderr()).toBe('stopped');
    const resumed = await answerOf('resume', 'stopped', '--runs', folder);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr + resumed.stdout).toContain(`The checkpoint was made by ${kind} with 1 thread and goes on so.`);

    if (precision === 'float16') expect((await expected.readMetrics())[0]).toMatchObject({ loss_scale: 65536, skipped_steps: 0 });
    const [good, found] = [(await expected.latestGoodCheckpoint())!, (await run.latestGoodCheckpoint())!];
    expect(found.step).toBe(good.step);
    for (const file of ['model.safetensors', 'method.safetensors', 'state.safetensors']) {
      expect((await readFile(join(found.path, file))).equals(await readFile(join(good.path, file))), file).toBe(true);
    }
  });

  it('evaluates what it trained', async () => {
    for (const protocol of [['knn', '-k', '5'], ['linear', '--epochs', '3']]) {
      const { code, stdout, stderr } = await answerOf('evaluate', 'whole', '--runs', folder, '--protocol', ...protocol, '--json');
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject([{ subject: 'student', result: { top1: expect.any(Number) as number } }]);
    }
  });
});
