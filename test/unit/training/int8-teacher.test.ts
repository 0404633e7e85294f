/** A teacher of int8: near the exact one, told how near, and the same after a pause. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import { pretrain, resume } from '../../../extension/training/pretrain';
import { functionOf } from '../engines/comparing';
import { lossesOf, studentOf } from './run-results';

let folder: string;
const said: string[] = [];
const events = { onStart: (summary: readonly string[]) => void said.push(...summary) };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-int8-'));
  const common = ['mim: 1', 'data: { kind: shapes, size: 64, image_size: 16 }', 'student: { patch_size: 4, width: 16, depth: 2, heads: 2 }', 'optimizer: { batch_size: 16, lr: 1e-3 }', 'schedule: { epochs: 2 }', 'samples: { count: 0 }', 'engine: { kind: compiled-cpu, threads: 1 }', 'runs: runs'];
  await writeFile(join(folder, 'teacher.mim.yaml'), [...common, 'method: supervised', 'name: teacher'].join('\n'));
  await writeFile(join(folder, 'align.mim.yaml'), [...common, 'method: maskalign', 'teacher: { checkpoint: runs/teacher, dtype: int8 }'].join('\n'));
  await pretrain({ configFile: join(folder, 'teacher.mim.yaml') });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('trains nearly as the exact teacher does, says how far its targets are off, and goes on the same after a pause', async () => {
  const configFile = join(folder, 'align.mim.yaml');
  const whole = await pretrain({ configFile, name: 'whole', events });
  const exact = await pretrain({ configFile, name: 'exact', overrides: { 'teacher.dtype': 'float32' } });
  const halves = await pretrain({ configFile, name: 'halves', untilEpoch: 1 });
  await resume({ run: halves.run });

  const [losses, exactLosses] = [await lossesOf(whole.run), await lossesOf(exact.run)];
  expect(losses).not.toEqual(exactLosses);
  losses.forEach((loss, step) => expect(Math.abs(loss / exactLosses[step]! - 1)).toBeLessThan(0.05));
  expect(await studentOf(halves.run)).toEqual(await studentOf(whole.run));

  const { int8Teacher } = JSON.parse(await readFile(join(whole.run, 'environment.json'), 'utf8')) as { int8Teacher: { images: number; levels: number[] } };
  expect(int8Teacher).toMatchObject({ images: 16, levels: [expect.any(Number), expect.any(Number)] });
  for (const error of int8Teacher.levels) {
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.1);
  }
  expect(said.join('\n')).toMatch(/int8 teacher: whitened targets are off by [\d.]+ % in the first of 2 levels and [\d.]+ % in the last \(root mean square over 16 images\)/);
});

it('is refused by an engine that does not compute in int8', async () => {
  const engine = await EagerEngine.create('cpu');
  await expect(engine.compile({ ...functionOf('products', {}, () => ({})), int8: ['teacher.blocks.0.mlp.fc1.weight'] })).rejects.toMatchObject({ code: 'MIM4003' });
});
