import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSafetensors, readSafetensorsHeader, readTensorRange, writeSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { float32, int32 } from '../../../extension/core/tensors';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-safetensors-'));
  file = path.join(folder, 'x.safetensors');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A file from a header in JSON and a body. */
async function craft(header: unknown, body: Uint8Array = new Uint8Array(), length?: bigint): Promise<void> {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(json.byteLength));
  await writeFile(file, Buffer.concat([prefix, json, body]));
}

describe('a written file', () => {
  it('comes back equal: names, shapes, values, metadata, empty and scalar tensors', async () => {
    const tensors = {
      'blocks.0.attn.qkv.weight': float32([2, 3], Float32Array.from([1, -2, 3.5, 1e-38, Infinity, -0])),
      ids: int32([3], Int32Array.from([1, -(2 ** 31), 2 ** 31 - 1])),
      scalar: float32([], Float32Array.from([7])),
      empty: float32([0, 4]),
    };
    await writeSafetensors(file, tensors, { note: 'ümlaut "quoted"' });
    expect(await readSafetensors(file)).toEqual({ tensors, metadata: { note: 'ümlaut "quoted"' } });
  });

  it('is laid out as the format says: length, JSON, data at a multiple of eight', async () => {
    await writeSafetensors(file, { a: float32([1], Float32Array.from([1.5])) });
    const bytes = await readFile(file);
    const length = Number(bytes.readBigUInt64LE(0));
    expect(length % 8).toBe(0);
    expect(JSON.parse(bytes.subarray(8, 8 + length).toString())).toEqual({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } });
    expect(bytes.readFloatLE(8 + length)).toBe(1.5);
  });

  it('replaces the old one whole and leaves nothing beside it', async () => {
    await writeSafetensors(file, { a: float32([1]) });
    await writeSafetensors(file, { b: float32([2]) });
    expect(Object.keys((await readSafetensors(file)).tensors)).toEqual(['b']);
    expect(await readdir(folder)).toEqual(['x.safetensors']);
  });

  it('can be read in part: some names, or a range of one tensor', async () => {
    await writeSafetensors(file, { a: float32([4], Float32Array.from([0, 1, 2, 3])), b: float32([1]) });
    expect(Object.keys((await readSafetensors(file, { names: ['a'] })).tensors)).toEqual(['a']);
    expect((await readTensorRange(file, 'a', 1, 2)).data).toEqual(Float32Array.from([1, 2]));
    await expect(readSafetensors(file, { names: ['c'] })).rejects.toMatchObject({ code: 'MIM3003' });
  });
});

describe('element types', () => {
  it.each([
    ['F16', [0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c], Float32Array.from([1, -2, 2 ** -24, Infinity])],
    ['BF16', [0x80, 0x3f, 0x00, 0xc0], Float32Array.from([1, -2])],
    ['F64', [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], Float32Array.from([1.5])],
    ['I64', [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Int32Array.from([-2])],
    ['I16', [0xff, 0xff], Int32Array.from([-1])],
    ['I8', [0xff], Int32Array.from([-1])],
    ['U8', [0xff], Int32Array.from([255])],
    ['BOOL', [1, 0], Int32Array.from([1, 0])],
  ])('%s is read as what it means', async (dtype, bytes, expected) => {
    await craft({ a: { dtype, shape: [expected.length], data_offsets: [0, bytes.length] } }, Uint8Array.from(bytes));
    expect((await readSafetensors(file)).tensors['a']!.data).toEqual(expected);
  });

  it('that would lose values are refused by name', async () => {
    await craft({ a: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, Uint8Array.from([0, 0, 0, 0, 1, 0, 0, 0]));
    await expect(readSafetensors(file)).rejects.toMatchObject({ code: 'MIM3006', message: expect.stringContaining('4294967296') as unknown });
    await craft({ a: { dtype: 'U64', shape: [1], data_offsets: [0, 8] } }, new Uint8Array(8));
    await expect(readSafetensors(file)).rejects.toMatchObject({ code: 'MIM3006' });
  });
});

describe('a damaged or hostile file', () => {
  const f32 = (shape: unknown, begin: unknown, end: unknown): object => ({ dtype: 'F32', shape, data_offsets: [begin, end] });

  it.each([
    ['an enormous header', async () => craft('{}', undefined, 2n ** 63n), /claims 9223372036854775808 bytes; at most 16777216 are read/],
    ['a header larger than any model needs, though the format allows it', async () => craft(' '.repeat(17 << 20)), /claims 17825792 bytes; at most 16777216 are read/],
    ['a header longer than the file', async () => craft('{}', undefined, 1000n), /claims 1000 bytes but the file has 10/],
    ['no room for a length', async () => writeFile(file, 'abc'), /it has 3 bytes/],
    ['a header that is not JSON', async () => craft('{"a":'), /not JSON/],
    ['a header that is a list', async () => craft('[]'), /not a JSON object/],
    ['bytes that are not UTF-8', async () => writeFile(file, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0xff])), /not JSON/],
    ['overlapping tensors', async () => craft({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, new Uint8Array(12)), /"b" overlaps/],
    ['a hole', async () => craft({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, new Uint8Array(12)), /4 bytes before tensor "b"/],
    ['bytes of nobody at the end', async () => craft({ a: f32([1], 0, 4) }, new Uint8Array(9)), /5 bytes at its end/],
    ['a tensor past the end', async () => craft({ a: f32([4], 0, 16) }, new Uint8Array(8)), /ends at byte 16 of 8: the file is cut short/],
    ['a shape that does not fit its bytes', async () => craft({ a: f32([3], 0, 8) }, new Uint8Array(8)), /\[3\], 12 bytes, but its data_offsets span 8/],
    ['a shape whose product overflows', async () => craft({ a: f32([2 ** 50, 2 ** 50], 0, 8) }, new Uint8Array(8)), /data_offsets span 8/],
    ['negative sizes', async () => craft({ a: f32([-1, -1], 0, 4) }, new Uint8Array(4)), /not a list of sizes/],
    ['backward offsets', async () => craft({ a: f32([0], 8, 4) }, new Uint8Array(8)), /span -4/],
    ['an unknown dtype', async () => craft({ a: { dtype: 'toString', shape: [], data_offsets: [0, 4] } }, new Uint8Array(4)), /unknown dtype "toString"/],
    ['a tensor that is no object', async () => craft({ a: 3 }), /lacks dtype/],
    ['metadata that is no text', async () => craft({ __metadata__: { a: 1 } }), /__metadata__/],
    ['a prototype as a name', async () => craft('{"__proto__":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'), /not allowed/],
  ])('with %s is refused, naming the file', async (_, make, message) => {
    await make();
    await expect(readSafetensorsHeader(file)).rejects.toMatchObject({ code: 'MIM3001', message: expect.stringMatching(message) as unknown });
    await expect(readSafetensors(file)).rejects.toThrow(file);
  });

  it('cut short anywhere is refused', async () => {
    await writeSafetensors(file, { a: float32([3]), b: float32([2]) });
    const whole = await readFile(file);
    for (let length = 0; length < whole.length; length++) {
      await writeFile(file, whole);
      await truncate(file, length);
      await expect(readSafetensors(file)).rejects.toMatchObject({ code: 'MIM3001' });
    }
  });

  it('that is absent or a folder is said to be', async () => {
    await expect(readSafetensors(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'MIM3002', message: expect.stringContaining('does not exist') as unknown });
    await expect(readSafetensors(folder)).rejects.toMatchObject({ code: 'MIM3002' });
  });
});
