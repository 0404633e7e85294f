/** The values of a tensor piece by piece, so that one larger than memory, or than anyone's patience, can be looked at. */
import { bytesOf, type ByteSource } from '../files/byte-source';
import { UserError } from '../problems';
import { elementCount, type HostTensor } from '../tensors';
import { bytesPerElement, toHostTensor } from './dtypes';
import { openForReading, readHeader } from './safetensors';
import type { SafetensorsHeader } from './safetensors-header';

/** Bytes that are read at once: few enough that work on them holds nobody up for more than some milliseconds. */
export const CHUNK_BYTES = 1 << 20;

/** A safetensors file whose header is known and whose bytes are read where they are needed. */
export interface TensorFile {
  readonly file: string;
  readonly header: SafetensorsHeader;
  readonly source: ByteSource;
}

/**
 * Opens the file for as long as `use` runs. The header is read anew each time: the file may have been replaced.
 * @throws UserError MIM3001 (not a valid file), MIM3002 (cannot be opened).
 */
export async function withTensorFile<T>(file: string, use: (opened: TensorFile) => Promise<T>): Promise<T> {
  const handle = await openForReading(file);
  try {
    const source = await bytesOf(handle);
    return await use({ file, source, header: await readHeader(source, file) });
  } finally {
    await handle.close();
  }
}

/**
 * All values in row-major order, as vectors of at most `chunkBytes`.
 * @throws UserError MIM3001 (the file shrank), MIM3003 (no such tensor), MIM3006 (a type that is not read); the signal's reason.
 */
export async function* tensorChunks({ file, header, source }: TensorFile, name: string, signal?: AbortSignal, chunkBytes = CHUNK_BYTES): AsyncGenerator<HostTensor['data']> {
  const stored = header.tensors.get(name);
  if (stored === undefined) throw new UserError('MIM3003', `${file} has no tensor ${name}`, 'The file was replaced; open it again.');
  const size = bytesPerElement(stored.dtype);
  const total = elementCount(stored.shape);
  const step = Math.max(1, Math.floor(chunkBytes / size));
  for (let start = 0; start < total; start += step) {
    signal?.throwIfAborted();
    const count = Math.min(step, total - start);
    const bytes = await source.read(header.dataStart + stored.begin + start * size, count * size);
    if (bytes === undefined) throw new UserError('MIM3001', `${file} ended while ${name} was read`, 'It is being changed by another program, or the disk is failing.');
    yield toHostTensor(bytes, stored.dtype, [count], { file, name }).data;
  }
}
