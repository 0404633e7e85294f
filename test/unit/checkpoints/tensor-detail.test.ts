import { open, mkdtemp, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeCheckpoint } from '../../../extension/core/checkpoints/describe-checkpoint';
import { writeSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { CHUNK_BYTES, withTensorFile } from '../../../extension/core/checkpoints/tensor-chunks';
import { binEdges, tensorDetail } from '../../../extension/core/checkpoints/tensor-detail';
import { float32, int32 } from '../../../extension/core/tensors';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-detail-'));
  file = path.join(folder, 'model.safetensors');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

const detailOf = (name: string, signal?: AbortSignal) => withTensorFile(file, (opened) => tensorDetail(opened, name, signal));

/** Writes a file of one F32 tensor whose values are a hole on the disk. */
async function writeSparse(values: number): Promise<void> {
  const json = JSON.stringify({ large: { dtype: 'F32', shape: [values], data_offsets: [0, values * 4] } });
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.byteLength));
  await writeFile(file, Buffer.concat([length, header]));
  await truncate(file, 8 + header.byteLength + values * 4);
}

/** The size of every read from any file from now on. */
async function watchReads(onRead?: (size: number) => void): Promise<number[]> {
  const handle = await open(file, 'r');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const sizes: number[] = [];
  const read = prototype.read;
  vi.spyOn(prototype, 'read').mockImplementation(function (this: FileHandle, ...args: unknown[]) {
    sizes.push(args[2] as number);
    onRead?.(args[2] as number);
    return Reflect.apply(read, this, args) as never;
  });
  return sizes;
}

it('a file of 1.2 GB is described from its header alone', async () => {
  await writeSparse(300_000_000);
  const sizes = await watchReads();
  const header = await describeCheckpoint(file);
  expect(header).toMatchObject({ bytes: 1_200_000_000, elements: 300_000_000, tensors: [{ name: 'large', shape: [300_000_000] }] });
  expect(sizes.length).toBeGreaterThan(0);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2000);
});

it('a large tensor is read in pieces, and no further than it is wanted', async () => {
  await writeSparse(3 * CHUNK_BYTES);
  const stop = new AbortController();
  const sizes = await watchReads((size) => size === CHUNK_BYTES && stop.abort(new Error('enough')));
  await expect(detailOf('large', stop.signal)).rejects.toThrow('enough');
  expect(sizes.filter((size) => size >= CHUNK_BYTES)).toEqual([CHUNK_BYTES]);
});

it('statistics and histogram leave out what is not finite, and count it', async () => {
  await writeSafetensors(file, { sick: float32([2, 3], Float32Array.from([1, NaN, 3, Infinity, -Infinity, 5])) });
  const { histogram, ...detail } = await detailOf('sick');
  expect(detail).toEqual({ name: 'sick', min: 1, max: 5, mean: 3, std: Math.sqrt(8 / 3), nan: 1, infinite: 2 });
  expect(histogram.edges[0]).toBe(1);
  expect(histogram.edges.at(-1)).toBe(5);
  expect([histogram.counts[0], histogram.counts[32], histogram.counts[63]]).toEqual([1, 1, 1]);
  expect(histogram.counts.reduce((sum, count) => sum + count)).toBe(3);
});

it('every finite value of a tensor larger than a piece is counted once', async () => {
  const count = CHUNK_BYTES / 4 + 12_345;
  await writeSafetensors(file, { ramp: float32([count], Float32Array.from({ length: count }, (_, i) => i / count)) });
  const { histogram, min, mean } = await detailOf('ramp');
  expect(min).toBe(0);
  expect(mean).toBeCloseTo(0.5, 4);
  expect(histogram.counts.reduce((sum, size) => sum + size)).toBe(count);
  expect(Math.max(...histogram.counts) - Math.min(...histogram.counts)).toBeLessThan(100);
});

it('few whole numbers have a bin each, and a constant has a place', async () => {
  await writeSafetensors(file, { whole: int32([4], Int32Array.from([2, 2, 4, 4])), same: float32([3]) });
  expect((await detailOf('whole')).histogram).toEqual({ edges: [1.5, 2.5, 3.5, 4.5], counts: [2, 0, 2] });
  const { counts, edges } = (await detailOf('same')).histogram;
  expect([edges[0], edges.at(-1), counts[32]]).toEqual([-0.5, 0.5, 3]);
  expect(binEdges(7, 7, false).at(-1)).toBe(10.5);
});

it('a tensor without a finite value has no histogram', async () => {
  await writeSafetensors(file, { none: float32([0]), nan: float32([1], Float32Array.of(NaN)) });
  expect(await detailOf('none')).toMatchObject({ min: null, mean: null, nan: 0, histogram: { edges: [], counts: [] } });
  expect(await detailOf('nan')).toMatchObject({ max: null, std: null, nan: 1, histogram: { edges: [], counts: [] } });
});

it('a tensor that the file no longer has is told', async () => {
  await writeSafetensors(file, { one: float32([1]) });
  await expect(detailOf('other')).rejects.toMatchObject({ code: 'MIM3003' });
});
