/** Safetensors files: header first, tensors on demand, written atomically. */
import { open, stat, type FileHandle } from 'node:fs/promises';
import { bytesOf, type ByteSource } from '../files/byte-source';
import { errorCode, writeFileAtomically, type Fingerprint } from '../files/durable-files';
import { UserError } from '../problems';
import { elementCount, type HostTensor, type NamedTensors } from '../tensors';
import { toHostTensor } from './dtypes';
import { headerLength, MAX_HEADER_BYTES, parseSafetensorsHeader, type SafetensorsHeader, type StoredTensor } from './safetensors-header';

/** @throws UserError MIM3001 (not a valid file), MIM3002 (cannot be opened). */
export async function readSafetensorsHeader(file: string): Promise<SafetensorsHeader> {
  return withBytes(file, (bytes) => readHeader(bytes, file));
}

/**
 * All tensors, or those in `names`, as float32 or int32.
 * @throws UserError MIM3001, MIM3002, MIM3003 (a name that is not there), MIM3006 (a type that is not read).
 */
export async function readSafetensors(file: string, options: { names?: readonly string[] } = {}): Promise<{ tensors: NamedTensors; metadata: Record<string, string> }> {
  return withBytes(file, async (source) => {
    const header = await readHeader(source, file);
    const tensors: NamedTensors = {};
    for (const name of options.names ?? header.tensors.keys()) {
      tensors[name] = await readStored(source, header, name, file);
    }
    return { tensors, metadata: { ...header.metadata } };
  });
}

/** Reads one tensor of a file whose header is known. */
export async function readStored(source: ByteSource, header: SafetensorsHeader, name: string, file: string): Promise<HostTensor> {
  const stored = requireTensor(header, name, file);
  const bytes = await source.read(header.dataStart + stored.begin, stored.end - stored.begin);
  if (bytes === undefined) throw cutShort(file, name);
  return toHostTensor(bytes, stored.dtype, stored.shape, { file, name });
}

/**
 * `count` elements of a tensor from element `start` on, in row-major order, as a vector. For files larger than memory.
 * @throws UserError as readSafetensors does.
 */
export async function readTensorRange(file: string, name: string, start: number, count: number): Promise<HostTensor> {
  return withBytes(file, async (source) => {
    const header = await readHeader(source, file);
    const stored = requireTensor(header, name, file);
    const total = elementCount(stored.shape);
    if (start < 0 || count < 0 || start + count > total) throw new RangeError(`${name} has ${total} elements; ${start}…${start + count} asked`);
    const size = total === 0 ? 0 : (stored.end - stored.begin) / total;
    const bytes = await source.read(header.dataStart + stored.begin + start * size, count * size);
    if (bytes === undefined) throw cutShort(file, name);
    return toHostTensor(bytes, stored.dtype, [count], { file, name });
  });
}

/**
 * Replaces `file` atomically and durably.
 * @param metadata strings kept in the header; readers of other products ignore names they do not know.
 * @throws UserError MIM7001 (disk full), MIM7002 (not permitted).
 */
export async function writeSafetensors(file: string, tensors: NamedTensors, metadata: Readonly<Record<string, string>> = {}): Promise<Fingerprint> {
  return writeFileAtomically(file, safetensorsChunks(tensors, metadata));
}

/** The bytes of a safetensors file, piece by piece. Tensors lie in the order of the record; the data begins at a multiple of eight. */
export function* safetensorsChunks(tensors: NamedTensors, metadata: Readonly<Record<string, string>> = {}): Generator<Uint8Array> {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header['__metadata__'] = metadata;
  let position = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor.data.length !== elementCount(tensor.shape)) {
      throw new RangeError(`tensor ${name} has ${tensor.data.length} values for the shape [${tensor.shape.join(', ')}]`);
    }
    const end = position + tensor.data.byteLength;
    header[name] = { dtype: tensor.dtype === 'float32' ? 'F32' : 'I32', shape: tensor.shape, data_offsets: [position, end] };
    position = end;
  }
  yield encodeHeader(header);
  for (const { data } of Object.values(tensors)) yield* slices(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function encodeHeader(header: Record<string, unknown>): Uint8Array {
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const padded = Math.ceil(json.byteLength / 8) * 8;
  if (padded > MAX_HEADER_BYTES) throw new RangeError('too many tensors for one safetensors file');
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(bytes, 8);
  return bytes;
}

/** Small enough that hashing one does not hold up the event loop. */
function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  const size = 4 << 20;
  for (let start = 0; start < bytes.byteLength; start += size) yield bytes.subarray(start, start + size);
}

/** @throws UserError MIM3001. */
export async function readHeader(source: ByteSource, file: string): Promise<SafetensorsHeader> {
  const prefix = (await source.read(0, Math.min(8, source.size))) ?? new Uint8Array();
  const length = headerLength(prefix, source.size, file);
  const json = await source.read(8, length);
  if (json === undefined) throw cutShort(file, 'the header');
  return parseSafetensorsHeader(json, source.size - 8 - length, file);
}

function requireTensor(header: SafetensorsHeader, name: string, file: string): StoredTensor {
  const stored = header.tensors.get(name);
  if (stored === undefined) throw new UserError('MIM3003', `${file} has no tensor ${name}`);
  return stored;
}

/** The file shrank between reading its header and its data. */
function cutShort(file: string, what: string): UserError {
  return new UserError('MIM3001', `${file} ended while ${what} was read`, 'It is being changed by another program, or the disk is failing.');
}

/** @throws UserError MIM3002 where the file cannot be opened. */
export async function openForReading(file: string): Promise<FileHandle> {
  try {
    // Asked before opening: opening a pipe would wait for a writer.
    if ((await stat(file)).isFile()) return await open(file, 'r');
  } catch (error) {
    throw cannotOpen(file, errorCode(error) === 'ENOENT' ? 'it does not exist' : String((error as Error).message));
  }
  throw cannotOpen(file, 'it is not a regular file');
}

function cannotOpen(file: string, why: string): UserError {
  return new UserError('MIM3002', `cannot read ${file}: ${why}`, 'Check the path.');
}

async function withBytes<T>(file: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const handle = await openForReading(file);
  try {
    return await use(await bytesOf(handle));
  } finally {
    await handle.close();
  }
}
