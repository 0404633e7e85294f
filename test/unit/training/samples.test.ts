import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pretrain, resume } from '../../../extension/training/pretrain';
import { StopSignal } from '../../../extension/training/stop-signal';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-samples-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('pictures are of the start, of every due epoch and of the end, also where a run goes on within an epoch', async () => {
  const configFile = join(folder, 'micro.mim.yaml');
  await writeFile(configFile, `mim: 1
method: maskalign
data: { kind: shapes, size: 32, image_size: 8, threads: 1 }
student: { patch_size: 4, width: 8, depth: 2, heads: 2, mlp_ratio: 1 }
teacher: { ema: {} }
masking: { strategy: random, ratio: 0.5 }
optimizer: { batch_size: 4, lr: 1e-3 }
schedule: { epochs: 3, warmup_epochs: 0 }
samples: { every: 1, count: 1 }
engine: { kind: compiled-cpu, threads: 1, steps_per_run: 1 }
`);
  const signal = new StopSignal();
  const { run } = await pretrain({ configFile, signal, events: { onStep: ({ step }) => step === 10 && signal.request('test') } });
  await resume({ run });
  expect((await readdir(join(run, 'samples'))).filter((name) => name.startsWith('masks')).sort()).toEqual([0, 8, 16, 24].map((step) => `masks-${String(step).padStart(6, '0')}.png`));
});
