import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { compareTensors } from '../../../extension/core/checkpoints/compare-tensors';
import { writeSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { CHUNK_BYTES, withTensorFile } from '../../../extension/core/checkpoints/tensor-chunks';
import type { TensorChange } from '../../../extension/core/protocol/checkpoint';
import { float32, int32, type NamedTensors } from '../../../extension/core/tensors';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-compare-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function changesBetween(a: NamedTensors, b: NamedTensors, signal?: AbortSignal): Promise<TensorChange[]> {
  const files = [path.join(folder, 'a.safetensors'), path.join(folder, 'b.safetensors')] as const;
  await writeSafetensors(files[0], a);
  await writeSafetensors(files[1], b);
  const changes: TensorChange[] = [];
  await withTensorFile(files[0], (left) =>
    withTensorFile(files[1], async (right) => {
      for await (const change of compareTensors(left, right, signal)) changes.push(change);
    }));
  return changes;
}

const vector = (...values: number[]) => float32([values.length], Float32Array.from(values));

it('the change is the norm of the difference over the norm before', async () => {
  expect(await changesBetween({ moved: vector(3, 4), same: vector(1, 2) }, { moved: vector(3, 7), same: vector(1, 2) })).toEqual([
    { name: 'moved', relative: 3 / 5 },
    { name: 'same', relative: 0 },
  ]);
});

it('tensors that cannot be compared say why', async () => {
  const before = { gone: vector(1), wider: vector(1, 2), grown: vector(0, 0), still: vector(0), sick: vector(1, 2) };
  const after = { wider: vector(1, 2, 3), grown: vector(0, 1), still: vector(0), sick: vector(1, NaN), come: vector(1) };
  expect(await changesBetween(before, after)).toEqual([
    { name: 'gone', relative: null, note: 'only here' },
    { name: 'wider', relative: null, note: 'other shape' },
    { name: 'grown', relative: null, note: 'zero before' },
    { name: 'still', relative: 0 },
    { name: 'sick', relative: null, note: 'not finite' },
    { name: 'come', relative: null, note: 'only there' },
  ]);
});

it('types are compared by their values', async () => {
  expect(await changesBetween({ t: int32([2], Int32Array.of(3, 4)) }, { t: vector(3, 4.5) })).toEqual([{ name: 't', relative: 0.1 }]);
});

it('a tensor larger than a piece is compared to its end', async () => {
  const count = CHUNK_BYTES / 4 + 3;
  const after = new Float32Array(count).fill(1);
  after[count - 1] = 1 + Math.sqrt(count);
  const [change] = await changesBetween({ t: float32([count], new Float32Array(count).fill(1)) }, { t: float32([count], after) });
  expect(change!.relative).toBeCloseTo(1, 5);
});

it('a comparison that is called off reads nothing more', async () => {
  await expect(changesBetween({ t: vector(1) }, { t: vector(2) }, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});
