/** Reading ranges of a file, of bounded size and by descriptor. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { UnreadableImage } from './source';

/** No photograph is larger; what claims to be is damage or an attack. */
export const MAX_ENCODED_BYTES = 256 * 2 ** 20;

/** Bytes that can be read by offset: a file, or memory where an archive had to be unpacked. */
export interface ByteRanges {
  readonly size: number;
  /** The bytes of [offset, offset+length); fewer where the file ends before. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/** Reads are synchronous: each runs in a loader thread that has nothing else to do, and a page-cache hit costs microseconds. */
export class ByteFile implements ByteRanges {
  readonly size: number;
  private readonly descriptor: number;

  /** @throws the system's error; also where the path is no regular file (a pipe would block for ever). */
  constructor(readonly path: string) {
    this.descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(this.descriptor);
    this.size = stats.size;
    if (!stats.isFile()) {
      this.close();
      throw new Error(`${path} is not a regular file`);
    }
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.size - offset)));
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(this.descriptor, bytes, filled, bytes.length - filled, offset + filled);
      if (count === 0) return bytes.subarray(0, filled);
      filled += count;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

export function memoryRanges(bytes: Uint8Array): ByteRanges {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length)),
    close: () => undefined,
  };
}

/** A whole encoded image. @throws UnreadableImage where it is missing, no file, or too large. */
export function readImageFile(path: string): Uint8Array {
  let file: ByteFile;
  try {
    file = new ByteFile(path);
  } catch (error) {
    throw new UnreadableImage(error instanceof Error ? error.message : String(error));
  }
  try {
    if (file.size > MAX_ENCODED_BYTES) throw new UnreadableImage(`${file.size} bytes is more than any image has`);
    return file.read(0, file.size);
  } finally {
    file.close();
  }
}
