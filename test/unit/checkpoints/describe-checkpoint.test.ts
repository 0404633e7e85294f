import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeCheckpoint } from '../../../extension/core/checkpoints/describe-checkpoint';
import { writeSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { plainVit } from '../../../extension/core/checkpoints/teacher-shape';
import { vitMetadata } from '../../../extension/core/checkpoints/vit-metadata';
import { float32 } from '../../../extension/core/tensors';
import { randomModel } from './formats';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-describe-'));
  file = path.join(folder, 'model.safetensors');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const weights = { alignment_weights: float32([2, 3], Float32Array.of(1, 0, NaN, 0.5, 0.25, -1)) };

it('a model is told with its size, and the alignment weights saved beside it', async () => {
  const shape = plainVit({ imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2, mlpRatio: 2, dropPath: 0 });
  await writeSafetensors(file, randomModel(shape), vitMetadata(shape));
  await writeSafetensors(path.join(folder, 'method.safetensors'), weights);
  const { model, alignment } = await describeCheckpoint(file);
  expect(model).toContainEqual({ label: 'Width', value: '8' });
  expect(model).toContainEqual({ label: 'Naming', value: 'MIM Lab' });
  expect(alignment).toEqual({ rows: ['1', '2'], columns: ['1', '2', '3'], values: [[1, 0, null], [0.5, 0.25, -1]] });
});

it('the file of the method shows its own weights, and is no model', async () => {
  const method = path.join(folder, 'method.safetensors');
  await writeSafetensors(method, weights);
  expect(await describeCheckpoint(method)).toMatchObject({ model: undefined, notAModel: expect.any(String) as unknown, alignment: { rows: ['1', '2'] } });
});

it('what lies beside a file does not keep it from being shown', async () => {
  await writeSafetensors(file, { a: float32([1]) });
  await writeFile(path.join(folder, 'method.safetensors'), 'no');
  expect(await describeCheckpoint(file)).toMatchObject({ alignment: undefined, elements: 1 });
});

it('what is not a safetensors file says so', async () => {
  await writeFile(file, 'not a checkpoint');
  await expect(describeCheckpoint(file)).rejects.toMatchObject({ code: 'MIM3001', hint: expect.any(String) as unknown });
  await rm(file);
  await expect(describeCheckpoint(file)).rejects.toMatchObject({ code: 'MIM3002' });
});
