/** One content of the Hub, downloaded whole or not at all; what an interrupted download brought is gone on with. */
import { createHash, type Hash } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { explainWriteError, syncFolder, writeFully } from '../files/durable-files';
import { UserError } from '../problems';
import { acquireLock, type Unlock } from '../runs/run-lock';
import { isFile } from './cache';
import { HubUnreachable, type HubClient, type HubFile } from './client';
import type { HubSettings } from './settings';

export interface DownloadTask extends HubFile {
  readonly client: HubClient;
  readonly settings: HubSettings;
  readonly commit: string;
  /** In the repository. */
  readonly path: string;
  /** @param received bytes that lie here, those of an earlier download included */
  readonly onProgress?: (received: number) => void;
}

/** Tries in a row that bring nothing. */
const MOST_TRIES = 5;
/** How soon a process that waits for another's download looks again. */
const LOOK_MS = 300;

/**
 * Fills `blob`. Of several processes that want it one downloads, and the others wait for it.
 * @throws UserError MIM3101 (connection lost for good), MIM3105 (the content is not what its name says), MIM7001 (disk full)
 */
export async function downloadBlob(blob: string, task: DownloadTask): Promise<void> {
  const partial = `${blob}.mim-incomplete`;
  const unlock = await lockUnlessThere(blob, partial);
  if (unlock === undefined) return;
  try {
    await fill(partial, task);
    await verify(partial, task);
    await rename(partial, blob);
    await syncFolder(path.dirname(blob));
  } catch (error) {
    throw explainWriteError(error, blob);
  } finally {
    await unlock();
  }
}

/** @returns undefined once the blob is there, by whoever. The partial file is the lock's heartbeat: it changes while its owner lives. */
async function lockUnlessThere(blob: string, partial: string): Promise<Unlock | undefined> {
  for (;;) {
    if (await isFile(blob)) return undefined;
    try {
      const unlock = await acquireLock(`${blob}.mim-lock`, partial);
      if (!(await isFile(blob))) return unlock;
      await unlock();
      return undefined;
    } catch (error) {
      if (!(error instanceof UserError && error.code === 'MIM7101')) throw error;
      await sleep(LOOK_MS);
    }
  }
}

async function fill(partial: string, task: DownloadTask): Promise<void> {
  const { bytes, settings } = task;
  const handle = await open(partial, 'a');
  try {
    let tries = 0;
    for (let have = (await handle.stat()).size; have !== bytes; ) {
      const before = have > bytes ? 0 : have;
      if (before !== have) await handle.truncate(0);
      const cut = await receive(handle, before, task);
      have = (await handle.stat()).size;
      if (cut === undefined) continue;
      tries = have > before ? 0 : tries + 1;
      if (tries >= MOST_TRIES) throw cut;
      await sleep(settings.retryMs * 2 ** tries);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Appends what comes. @returns why it ended early, where another try may help */
async function receive(handle: FileHandle, from: number, { client, settings, commit, path: file, bytes, onProgress }: DownloadTask): Promise<UserError | undefined> {
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), settings.stallMs);
  let have = from;
  try {
    const response = await client.content(commit, file, from, stalled.signal);
    // Not what was asked for: the whole, or nothing behind what lies here.
    if (response.status !== 206 && from > 0) {
      await handle.truncate(0);
      have = 0;
    }
    if (response.status === 416) return undefined;
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => stalled.abort(), settings.stallMs);
      const piece = chunk as Uint8Array;
      await writeFully(handle, piece);
      have += piece.byteLength;
      onProgress?.(have);
    }
    return have < bytes ? lost(settings, file, have, bytes, 'the connection ended early') : undefined;
  } catch (error) {
    if (error instanceof UserError && !(error instanceof HubUnreachable)) throw error;
    if (error instanceof Error && 'syscall' in error && error.syscall === 'write') throw error;
    return lost(settings, file, have, bytes, stalled.signal.aborted ? `nothing came for ${settings.stallMs / 1000} s` : error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
  }
}

function lost({ endpoint }: HubSettings, file: string, have: number, bytes: number, why: string): UserError {
  return new UserError('MIM3101', `The download of ${file} from ${endpoint} broke off at ${have.toLocaleString('en')} of ${bytes.toLocaleString('en')} bytes: ${why}.`, 'Start it again: it goes on where it was.');
}

async function verify(partial: string, { etag, bytes, path: file }: DownloadTask): Promise<void> {
  const hash = hashFor(etag, bytes);
  if (hash === undefined) return;
  for await (const chunk of createReadStream(partial)) hash.update(chunk as Buffer);
  if (hash.digest('hex') === etag) return;
  await rm(partial, { force: true });
  throw new UserError('MIM3105', `${file} did not arrive as it is on the Hub: its checksum differs.`, 'Start it again. If that repeats, something between here and the Hub changes files, or `HF_ENDPOINT` is a mirror that is not up to date.');
}

/** Large files are named by their SHA-256, others as git names blobs; other names say nothing of the content. */
function hashFor(etag: string, bytes: number): Hash | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return createHash('sha256');
  return /^[0-9a-f]{40}$/.test(etag) ? createHash('sha1').update(`blob ${bytes}\0`) : undefined;
}
