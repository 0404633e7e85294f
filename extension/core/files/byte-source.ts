/** Bytes that are read where they are asked for: a file, or memory in tests. */
import type { FileHandle } from 'node:fs/promises';

export interface ByteSource {
  readonly size: number;
  /** The whole of `length` bytes at `position`; `undefined` where the source ends earlier. */
  read(position: number, length: number): Promise<Uint8Array | undefined>;
}

/** The handle stays its opener's to close. */
export async function bytesOf(handle: FileHandle): Promise<ByteSource> {
  const { size } = await handle.stat();
  return { size, read: (position, length) => readFully(handle, position, length) };
}

async function readFully(handle: FileHandle, position: number, length: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  // One read call is limited to 2 GiB by the operating system.
  const limit = 1 << 30;
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(limit, length - done), position + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return bytes;
}
