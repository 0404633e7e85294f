/**
 * Writing files so that a crash, a kill or a full disk at any moment leaves either the old content or the new, never a part.
 *
 * The way is the usual one: a temporary file in the same folder, fsync, rename over the target, fsync of the folder.
 */
import { createHash, randomBytes } from 'node:crypto';
import { link, open, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../problems';

/** Size and SHA-256 (hex) of a file as it was written. */
export interface Fingerprint {
  readonly bytes: number;
  readonly sha256: string;
}

const temporaryMark = '.tmp-';

/** A name beside `target` that readers take for unfinished work and the next writer may remove. */
export function temporaryBeside(target: string): string {
  return path.join(path.dirname(target), `.${path.basename(target)}${temporaryMark}${process.pid}-${randomBytes(4).toString('hex')}`);
}

export function isTemporaryName(name: string): boolean {
  return name.startsWith('.') && name.includes(temporaryMark);
}

/** Turns what the operating system says about a failed write into what a user can act on; other errors pass unchanged. */
export function explainWriteError(error: unknown, target: string): unknown {
  switch (errorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError('MIM7001', `disk full: cannot write ${target}`, 'Free space or raise the quota, then resume; what was saved before is intact.');
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new UserError('MIM7002', `not allowed to write ${target}`, 'Check the permissions of the folder, or choose another one.');
    default:
      return error;
  }
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Replaces `target` by the given bytes, atomically and durably.
 * @throws UserError MIM7001 where the disk is full, MIM7002 where writing is not permitted; the old file is then untouched.
 */
export async function writeFileAtomically(target: string, chunks: Iterable<Uint8Array> | string): Promise<Fingerprint> {
  const temporary = temporaryBeside(target);
  try {
    const fingerprint = await writeNewFile(temporary, chunks);
    await rename(temporary, target);
    await syncFolder(path.dirname(target));
    return fingerprint;
  } catch (error) {
    await rm(temporary, { force: true });
    throw explainWriteError(error, target);
  }
}

/**
 * Creates `target` with its content in one step, as locks and claims need: of several writers one succeeds.
 * @returns whether it was this one; false where the name is taken.
 * @throws UserError MIM7001, MIM7002
 */
export async function createFileAtomically(target: string, content: string): Promise<boolean> {
  const temporary = temporaryBeside(target);
  try {
    await writeNewFile(temporary, content);
    // A link fails where the name exists.
    await link(temporary, target);
    await syncFolder(path.dirname(target));
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errorCode(error) ?? '')) return createWithoutLinks(target, content);
    throw explainWriteError(error, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** For file systems without hard links: the name may be there a moment before its content. */
async function createWithoutLinks(target: string, content: string): Promise<boolean> {
  try {
    await writeNewFile(target, content);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw explainWriteError(error, target);
  }
}

/** Writes a file that does not exist yet and forces it to disk. */
export async function writeNewFile(file: string, chunks: Iterable<Uint8Array> | string): Promise<Fingerprint> {
  const handle = await open(file, 'wx');
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for (const chunk of typeof chunks === 'string' ? [Buffer.from(chunks, 'utf8')] : chunks) {
      await writeFully(handle, chunk);
      hash.update(chunk);
      bytes += chunk.byteLength;
    }
    await handle.sync();
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}

/** `FileHandle.write` may write less than asked; this does not return before everything is written. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.byteLength - written);
    written += bytesWritten;
  }
}

/** Makes renames and removals in a folder durable. Windows and some network file systems cannot, and need not, sync a folder. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(folder, 'r');
  } catch {
    return;
  }
  try {
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR', 'EBADF'].includes(errorCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/** SHA-256 of a file on disk, read in pieces. */
export async function fingerprintFile(file: string): Promise<Fingerprint> {
  const handle = await open(file, 'r');
  try {
    const hash = createHash('sha256');
    const buffer = new Uint8Array(4 << 20);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, bytes);
      if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
