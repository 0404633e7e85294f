import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { inspectFile, statisticsOf, tensorStatistics } from '../../../extension/core/checkpoints/inspect';
import { writeSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { plainVit } from '../../../extension/core/checkpoints/teacher-shape';
import { vitMetadata } from '../../../extension/core/checkpoints/vit-metadata';
import { float32, int32 } from '../../../extension/core/tensors';
import { randomModel } from './formats';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-inspect-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('a model file is summarised: tensors, sizes, and the model they make', async () => {
  const shape = plainVit({ imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2, mlpRatio: 2, dropPath: 0 });
  const file = path.join(folder, 'm.safetensors');
  await writeSafetensors(file, { ...randomModel(shape), extra: int32([2]) }, vitMetadata(shape));
  const summary = await inspectFile(file);
  expect(summary).toMatchObject({ file, kind: 'safetensors', model: { shape, report: { format: 'mim', ignored: ['extra'] } } });
  expect(summary.tensors.find(({ name }) => name === 'blocks.0.attn.qkv.weight')).toEqual({ name: 'blocks.0.attn.qkv.weight', dtype: 'F32', shape: [24, 8], bytes: 768 });
  expect(summary.bytes).toBe(summary.elements * 4);
});

it('a file that is no model says why', async () => {
  const file = path.join(folder, 'm.safetensors');
  await writeSafetensors(file, { a: float32([2]) });
  expect(await inspectFile(file)).toMatchObject({ elements: 2, notAModel: expect.stringContaining('naming') as unknown });
});

it('statistics leave out what is not finite, and count it', async () => {
  const file = path.join(folder, 'm.safetensors');
  const sick = float32([6], Float32Array.from([1, NaN, 3, Infinity, -Infinity, 5]));
  await writeSafetensors(file, { sick, well: float32([2]) });
  expect(await tensorStatistics(file, ['sick'])).toEqual({ sick: { min: 1, max: 5, mean: 3, std: Math.sqrt(8 / 3), nan: 1, infinite: 2 } });
  expect(Object.keys(await tensorStatistics(file))).toEqual(['sick', 'well']);
});

it('statistics survive a mean that dwarfs the deviations', () => {
  const { mean, std } = statisticsOf(float32([4], Float32Array.from([10000, 10001, 10000, 10001])));
  expect(mean).toBeCloseTo(10000.5, 9);
  expect(std).toBeCloseTo(0.5, 9);
});

it('statistics of nothing are not numbers', () => {
  expect(statisticsOf(float32([0]))).toEqual({ min: NaN, max: NaN, mean: NaN, std: NaN, nan: 0, infinite: 0 });
});
