/** Makes PyTorch files, honest and otherwise, for tests. */
import { deflateRawSync } from 'node:zlib';
import { crc32 } from '../../../extension/core/checkpoints/crc32';

export interface ZipPart {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate?: boolean;
  /** What the directory claims instead of the truth. */
  readonly claimedBytes?: number;
  readonly crc?: number;
  readonly zip64?: boolean;
  /** Bytes of padding in the local header, as PyTorch aligns data. */
  readonly padding?: number;
}

export function zipOf(parts: readonly ZipPart[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const part of parts) {
    const name = Buffer.from(part.name);
    const stored = part.deflate ? deflateRawSync(part.data) : Buffer.from(part.data);
    const padding = Buffer.alloc(part.padding ?? 0);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(padding.length, 28);
    locals.push(local, name, padding, stored);

    const bytes = part.claimedBytes ?? part.data.byteLength;
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(part.deflate ? 8 : 0, 10);
    entry.writeUInt32LE(part.crc ?? crc32(part.data), 16);
    entry.writeUInt16LE(name.length, 28);
    const extra = part.zip64 ? Buffer.alloc(28) : Buffer.alloc(0);
    if (part.zip64) {
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(24, 2);
      [bytes, stored.length, offset].forEach((value, index) => extra.writeBigUInt64LE(BigInt(value), 4 + 8 * index));
    }
    entry.writeUInt32LE(part.zip64 ? 0xffffffff : stored.length, 20);
    entry.writeUInt32LE(part.zip64 ? 0xffffffff : bytes, 24);
    entry.writeUInt16LE(extra.length, 30);
    entry.writeUInt32LE(part.zip64 ? 0xffffffff : offset, 42);
    central.push(entry, name, extra);
    offset += 30 + name.length + padding.length + stored.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  const zip64 = parts.some((part) => part.zip64) ? end64(parts.length, directory.length, offset) : Buffer.alloc(0);
  return Buffer.concat([...locals, directory, zip64, end]);
}

function end64(count: number, directoryBytes: number, directoryOffset: number): Buffer {
  const record = Buffer.alloc(56 + 20);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(directoryBytes), 40);
  record.writeBigUInt64LE(BigInt(directoryOffset), 48);
  record.writeUInt32LE(0x07064b50, 56);
  record.writeBigUInt64LE(BigInt(directoryOffset + directoryBytes), 64);
  return record;
}

// Pickle fragments, protocol 2.

const byte = (...codes: number[]): Buffer => Buffer.from(codes);
export const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);
export const mark = byte(0x28);
export const reduce = byte(0x52);
export const emptyTuple = byte(0x29);
export const emptyList = byte(0x5d);
export const emptyDict = byte(0x7d);
export const setItems = byte(0x75);
export const append = byte(0x61);
export const put = (index: number): Buffer => byte(0x71, index);
export const get = (index: number): Buffer => byte(0x68, index);

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([byte(0x58), length, bytes]);
}

/** LONG1 of eight bytes. */
export function integer(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return Buffer.concat([byte(0x8a, 8), bytes]);
}

export const tuple = (...items: readonly Buffer[]): Buffer => Buffer.concat([mark, ...items, byte(0x74)]);
export const dict = (...pairs: readonly (readonly [string, Buffer])[]): Buffer =>
  Buffer.concat([emptyDict, mark, ...pairs.flatMap(([key, value]) => [text(key), value]), setItems]);
export const pickle = (...parts: readonly Buffer[]): Buffer => Buffer.concat([byte(0x80, 2), ...parts, byte(0x2e)]);

export interface TensorPickle {
  readonly key?: string;
  readonly type?: string;
  readonly length: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export function tensor({ key = '0', type = 'FloatStorage', length, offset = 0, shape, strides }: TensorPickle): Buffer {
  const storage = Buffer.concat([tuple(text('storage'), global('torch', type), text(key), text('cpu'), integer(length)), byte(0x51)]);
  const sizes = (values: readonly number[]): Buffer => tuple(...values.map(integer));
  const hooks = Buffer.concat([global('collections', 'OrderedDict'), emptyTuple, reduce]);
  return Buffer.concat([global('torch._utils', '_rebuild_tensor_v2'), tuple(storage, integer(offset), sizes(shape), sizes(strides), byte(0x89), hooks), reduce]);
}

/** A file as torch.save lays it out. */
export function torchFile(description: Buffer, storages: Readonly<Record<string, Uint8Array>> = {}, more: readonly ZipPart[] = []): Buffer {
  return zipOf([
    { name: 'archive/data.pkl', data: description },
    ...Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data, padding: 17 })),
    ...more,
  ]);
}
