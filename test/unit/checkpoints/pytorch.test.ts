import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describePytorch, openPytorch, readPytorchZip } from '../../../extension/core/checkpoints/pytorch';
import { openTensors } from '../../../extension/core/checkpoints/open-tensors';
import {
  append, dict, emptyDict, emptyList, emptyTuple, get, global, integer, mark, pickle, put, reduce, tensor, text, torchFile, tuple, zipOf,
  type ZipPart,
} from './torch-file';

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-pytorch-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function saved(bytes: Uint8Array, name = 'weights.pth'): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  return file;
}

describe('a file of torch.save', () => {
  it('is read whole: wrapped, with parameters, views, tied and empty tensors and every element type', async () => {
    const range = (start: number, count: number): number[] => Array.from({ length: count }, (_, i) => start + i);
    const tensors = await readPytorchZip(fixture('torch.pth'));
    const plain = Object.fromEntries(Object.entries(tensors).map(([name, { shape, dtype, data }]) => [name, { shape, dtype, data: [...data] }]));
    const float32 = (shape: number[], data: number[]): object => ({ shape, dtype: 'float32', data });
    const int32 = (shape: number[], data: number[]): object => ({ shape, dtype: 'int32', data });
    expect(plain).toEqual({
      plain: float32([2, 3, 4], range(0, 24)),
      parameter: float32([2, 3], range(0, 6)),
      transposed: float32([3, 2], [0, 3, 1, 4, 2, 5]),
      slice: float32([6], range(4, 6)),
      tied: float32([6], range(4, 6)),
      scalar: float32([], [2.5]),
      empty: float32([0, 4], []),
      half: float32([2], [1, -2]),
      bfloat16: float32([2], [1, -2]),
      double: float32([1], [1.5]),
      int64: int32([2], [-3, 4]),
      int8: int32([2], [-3, 4]),
      uint8: int32([2], [3, 250]),
      bool: int32([2], [1, 0]),
    });
  });

  it('of before PyTorch 1.6 is refused with the way to convert it', async () => {
    await expect(openTensors(fixture('legacy.pth'))).rejects.toMatchObject({ code: 'MIM3009', hint: expect.stringContaining('torch.load') as unknown });
  });

  it('that is a TorchScript program is refused with the way to convert it', async () => {
    const file = await saved(torchFile(pickle(emptyDict), {}, [{ name: 'archive/constants.pkl', data: new Uint8Array(1) }]));
    await expect(openPytorch(file)).rejects.toMatchObject({ code: 'MIM3009', hint: expect.stringContaining('torch.jit.load') as unknown });
  });
});

describe('what a file may be wrapped in', () => {
  const weights = dict(['w', tensor({ length: 2, shape: [2], strides: [1] })]);
  it.each([
    ['nothing', weights],
    ['model', dict(['model', weights], ['epoch', integer(3)])],
    ['state_dict', dict(['state_dict', weights])],
    ['teacher, before the student', dict(['student', dict(['s', tensor({ length: 2, shape: [2], strides: [1] })])], ['teacher', weights])],
    ['two layers', dict(['state_dict', dict(['model', weights])])],
  ])('%s', async (_, description) => {
    const file = await saved(torchFile(pickle(description), { 0: floats(1, 2) }));
    const tensors = await readPytorchZip(file);
    expect(Object.keys(tensors)).toEqual(['w']);
    expect([...tensors['w']!.data]).toEqual([1, 2]);
  });
});

describe('a pickle that would do something', () => {
  it.each([
    ['os.system', Buffer.concat([global('os', 'system'), tuple(text('touch owned')), reduce])],
    ['posix.system', Buffer.concat([global('posix', 'system'), tuple(text('true')), reduce])],
    ['builtins.eval', Buffer.concat([global('builtins', 'eval'), tuple(text('1')), reduce])],
    ['__builtin__.getattr', Buffer.concat([global('__builtin__', 'getattr'), emptyTuple, reduce])],
    ['torch.load', Buffer.concat([global('torch', 'load'), emptyTuple, reduce])],
    ['constructor.constructor', global('constructor', 'constructor')],
    ['torch._utils.__proto__', global('torch._utils', '__proto__')],
    ['subprocess.Popen', Buffer.concat([text('subprocess'), text('Popen'), Buffer.from([0x93])])],
  ])('by %s is refused by that name', async (name, code) => {
    const file = await saved(torchFile(pickle(code)));
    await expect(openPytorch(file)).rejects.toMatchObject({ code: 'MIM3008', message: expect.stringContaining(name) as unknown });
  });

  it.each([
    ['calls a storage type', Buffer.concat([global('torch', 'FloatStorage'), emptyTuple, reduce]), /only names a type/],
    ['uses INST', Buffer.concat([mark, Buffer.from('ios\nsystem\n')]), /operation 0x69/],
    ['uses the extension registry', Buffer.from([0x82, 1]), /operation 0x82/],
    ['recalls what was never made', get(7), /never made/],
    ['calls a list', Buffer.concat([emptyList, emptyTuple, reduce]), /a list where a global/],
    ['pops too much', Buffer.from([0x30]), /do not fit/],
    ['ends early', Buffer.from([0x58, 0xff, 0xff, 0xff, 0xff]), /cut short/],
    ['counts beyond 64 bits', Buffer.concat([Buffer.from([0x8a, 9]), Buffer.alloc(9)]), /beyond 64 bits/],
    ['holds no tensors', emptyDict, /no tensors/],
  ])('or that %s is refused', async (_, code, message) => {
    const file = await saved(torchFile(pickle(code)));
    await expect(openPytorch(file)).rejects.toMatchObject({ code: 'MIM3008', message: expect.stringMatching(message) as unknown });
  });

  it('by doubling itself through its memo, or nesting without end, costs no more than its length', async () => {
    const doubling = Array.from({ length: 200 }, (_, i) => Buffer.concat([put(i), get(i), Buffer.from([0x86])]));
    await expect(openPytorch(await saved(torchFile(pickle(emptyTuple, ...doubling))))).rejects.toMatchObject({ code: 'MIM3008' });
    const nested = Buffer.concat([...Array.from({ length: 500_000 }, () => emptyList), ...Array.from({ length: 499_999 }, () => append)]);
    await expect(openPytorch(await saved(torchFile(pickle(nested))))).rejects.toMatchObject({ code: 'MIM3008', message: expect.stringContaining('no tensors') as unknown });
    const loop = Buffer.concat([emptyDict, put(0), text('model'), get(0), Buffer.from([0x73])]);
    await expect(openPytorch(await saved(torchFile(pickle(loop))))).rejects.toMatchObject({ code: 'MIM3008' });
  });

  it('by copying a long list again and again is stopped', async () => {
    const list = Buffer.concat([emptyList, put(0), mark, ...Array.from({ length: 20_000 }, () => tuple(text('a'), emptyList)), Buffer.from([0x65])]);
    const copy = Buffer.concat([global('collections', 'OrderedDict'), get(0), Buffer.from([0x85]), reduce]);
    const file = await saved(torchFile(pickle(list, ...Array.from({ length: 1000 }, () => copy))));
    await expect(openPytorch(file)).rejects.toMatchObject({ message: expect.stringContaining('unreasonably large') as unknown });
  });
});

describe('a tensor that claims more than there is', () => {
  it.each([
    ['reaches past its storage', { length: 4, shape: [2, 2], strides: [3, 1] }],
    ['begins past its storage', { length: 4, offset: 4, shape: [1], strides: [1] }],
    ['repeats one element without end', { length: 1, shape: [2 ** 40], strides: [0] }],
    ['has more strides than sizes', { length: 4, shape: [2], strides: [1, 1] }],
    ['has negative strides', { length: 4, shape: [2], strides: [-1] }],
    ['has sizes beyond counting', { length: 4, shape: [2 ** 50, 2 ** 50], strides: [1, 1] }],
  ])('since it %s is refused', async (_, claim) => {
    const file = await saved(torchFile(pickle(dict(['w', tensor(claim)])), { 0: floats(1, 2, 3, 4) }));
    await expect(openPytorch(file)).rejects.toMatchObject({ code: 'MIM3008' });
  });

  it('since the storage is shorter than said is refused when it is read', async () => {
    const file = await saved(torchFile(pickle(dict(['w', tensor({ length: 2 ** 40, shape: [2 ** 40], strides: [1] })])), { 0: floats(1) }));
    await expect(readPytorchZip(file)).rejects.toMatchObject({ code: 'MIM3007' });
  });

  it('since many tensors share one storage is refused beyond what tying explains', async () => {
    const shared = Array.from({ length: 9 }, (_, i): [string, Buffer] => [`w${i}`, tensor({ length: 2, shape: [2], strides: [1] })]);
    await expect(openPytorch(await saved(torchFile(pickle(dict(...shared)), { 0: floats(1, 2) })))).rejects.toMatchObject({ code: 'MIM3008' });
  });

  it('since its bytes are not in the archive is refused', async () => {
    const file = await saved(torchFile(pickle(dict(['w', tensor({ key: '../../etc/passwd', length: 1, shape: [1], strides: [1] })])), {}));
    await expect(readPytorchZip(file)).rejects.toMatchObject({ code: 'MIM3007', message: expect.stringContaining('lacks the bytes of tensor w') as unknown });
  });
});

describe('the archive', () => {
  const description = pickle(dict(['w', tensor({ length: 2, shape: [2], strides: [1] })]));
  const parts = (change: Partial<ZipPart> = {}): ZipPart[] => [
    { name: 'a/data.pkl', data: description },
    { name: 'a/data/0', data: floats(1, 2), ...change },
  ];

  it.each([
    ['stored', {}],
    ['deflated', { deflate: true }],
    ['zip64', { zip64: true }],
    ['zip64 and deflated', { zip64: true, deflate: true }],
    ['without checksums', { crc: 0 }],
  ])('may be %s', async (_, change) => {
    expect([...(await readPytorchZip(await saved(zipOf(parts(change)))))['w']!.data]).toEqual([1, 2]);
  });

  it.each([
    ['a wrong checksum', zipOf(parts({ crc: 1 })), /checksum/],
    ['a deflated entry longer than it claims', zipOf(parts({ deflate: true, data: floats(...Array.from({ length: 100 }, () => 0)), claimedBytes: 8 })), /does not expand/],
    ['a deflated entry shorter than it claims', zipOf(parts({ deflate: true, claimedBytes: 80 })), /does not expand/],
    ['a claim to expand enormously', zipOf(parts({ deflate: true, claimedBytes: 2 ** 31 })), /claim to expand/],
    ['an entry that expands as no weights do', zipOf(parts({ deflate: true, data: new Uint8Array(1_100_000) })), /claim to expand/],
    ['two entries of one name', zipOf([...parts(), ...parts()]), /two entries/],
    ['no directory', Buffer.from('PK\x03\x04 and nothing more'), /no zip directory/],
  ])('with %s is refused', async (_, bytes, message) => {
    await expect(readPytorchZip(await saved(bytes))).rejects.toMatchObject({ code: 'MIM3007', message: expect.stringMatching(message) as unknown });
  });

  it('unpacks a deflated storage once for the tensors that share it, and gives each its own values', async () => {
    const shared = pickle(dict(...Array.from({ length: 4 }, (_, i): [string, Buffer] => [`w${i}`, tensor({ length: 4, offset: i === 3 ? 2 : 0, shape: [i === 3 ? 2 : 4], strides: [1] })])));
    const bytes = zipOf([{ name: 'a/data.pkl', data: shared }, { name: 'a/data/0', data: floats(1, 2, 3, 4), deflate: true }]);
    let reads = 0;
    const source = await describePytorch({ size: bytes.length, read: (position, length) => (reads++, Promise.resolve(bytes.subarray(position, position + length))) }, 'f');
    reads = 0;
    const tensors = await Promise.all([...source.entries.keys()].map((name) => source.read(name)));
    // The local header and the data.
    expect(reads).toBe(2);
    tensors[0]!.data.fill(0);
    expect(tensors.slice(1).map(({ data }) => [...data])).toEqual([[1, 2, 3, 4], [1, 2, 3, 4], [3, 4]]);
  });

  it('cut short anywhere is refused', async () => {
    const whole = zipOf(parts());
    for (let length = 1; length < whole.length; length++) {
      await expect(readPytorchZip(await saved(whole.subarray(0, length)))).rejects.toMatchObject({ name: 'UserError' });
    }
  });

  it('whose entries overlap is refused', async () => {
    const bytes = zipOf(parts());
    const directory = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    // The first entry claims the second's bytes too.
    bytes.writeUInt32LE(directory - 30, directory + 20);
    bytes.writeUInt32LE(directory - 30, directory + 24);
    await expect(readPytorchZip(await saved(bytes))).rejects.toMatchObject({ code: 'MIM3007' });
  });
});
