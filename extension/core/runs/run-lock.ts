/** One process at a time trains in a run: a lock file that says who, and is recognised as stale when its owner is gone. */
import { readFile, rm } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { createFileAtomically, explainWriteError } from '../files/durable-files';
import { UserError } from '../problems';
import { isAlive, thisProcess, type ProcessIdentity } from './processes';
import { beatsStill, modifiedAt } from './run-state';

/** A lock without its content is younger than this, or its writer died. */
const WRITING_MS = 5_000;
/** For another process to remove a stale lock. */
const TURN_MS = 20;

/** Releases the lock. */
export type Unlock = () => Promise<void>;

/**
 * @param file the lock's path.
 * @param heartbeatFile whose age tells whether an owner on another host is alive.
 * @throws UserError MIM7101 where another process holds the lock.
 */
export async function acquireLock(file: string, heartbeatFile: string): Promise<Unlock> {
  const own = `${JSON.stringify(await thisProcess())}\n`;
  for (let attempt = 0; attempt < 10; attempt++) {
    if (await createFileAtomically(file, own)) return () => release(file, own);
    const found = await readFile(file, 'utf8').catch(() => undefined);
    if (found === undefined) continue;
    const owner = parseOwner(found);
    if (owner === undefined ? await isBeingWritten(file) : await holds(owner, file, heartbeatFile)) throw busy(file, owner);
    await removeStale(file, found, own);
  }
  throw new UserError('MIM7101', `the lock ${file} changes hands too fast`, 'Another process is starting in the same run; try again.');
}

/** Who holds the lock; undefined where nobody does who is still there. */
export async function lockOwner(file: string, heartbeatFile: string): Promise<ProcessIdentity | undefined> {
  const owner = parseOwner(await readFile(file, 'utf8').catch(() => ''));
  return owner !== undefined && (await holds(owner, file, heartbeatFile)) ? owner : undefined;
}

/** Without hard links a lock is there before its content is. */
async function isBeingWritten(file: string): Promise<boolean> {
  const writtenAt = await modifiedAt(file);
  return writtenAt !== undefined && Date.now() - writtenAt < WRITING_MS;
}

async function holds(owner: ProcessIdentity, file: string, heartbeatFile: string): Promise<boolean> {
  const life = await isAlive(owner);
  if (life !== 'unknown') return life === 'alive';
  // Whoever has just taken the lock has not beaten yet, and the heartbeat there may be an older owner's.
  return (await beatsStill(heartbeatFile)) || beatsStill(file);
}

/**
 * Removes a stale lock, and only that one. One process at a time does, so that between its look and the removal nobody
 * else's lock can come into the place; the mark of one that died over it gives way when it is old.
 */
async function removeStale(file: string, judged: string, own: string): Promise<void> {
  const mark = `${file}.stale`;
  if (!(await createFileAtomically(mark, own))) {
    const markedAt = await modifiedAt(mark);
    if (markedAt !== undefined && Date.now() - markedAt > WRITING_MS) await rm(mark, { force: true });
    await setTimeout(TURN_MS);
    return;
  }
  try {
    if ((await readFile(file, 'utf8').catch(() => undefined)) === judged) await rm(file, { force: true });
  } catch (error) {
    throw explainWriteError(error, file);
  } finally {
    await rm(mark, { force: true });
  }
}

async function release(file: string, own: string): Promise<void> {
  const found = await readFile(file, 'utf8').catch(() => undefined);
  if (found === own) await rm(file, { force: true });
}

function parseOwner(text: string): ProcessIdentity | undefined {
  try {
    const owner = JSON.parse(text) as Partial<ProcessIdentity> | null;
    const { pid, host, processStart } = owner ?? {};
    return typeof pid === 'number' && typeof host === 'string' && typeof processStart === 'string' ? { pid, host, processStart } : undefined;
  } catch {
    return undefined;
  }
}

function busy(file: string, owner: ProcessIdentity | undefined): UserError {
  const who = owner === undefined ? 'another process, which is just starting' : `process ${owner.pid} on ${owner.host}`;
  return new UserError('MIM7101', `the run is being trained by ${who}`, `Stop it first. If it is gone, remove ${file}.`);
}
