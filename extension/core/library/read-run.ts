/** One run directory, read again only where its files say that something changed. */
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { errorCode } from '../files/durable-files';
import { inspectWithConfig } from '../runs/run-report';
import type { LibraryRun } from './library-run';

export type OwnRun = Omit<LibraryRun, 'name' | 'marks'>;

/** Of what a look at the run needs to know whether anything differs from the last one. */
const WATCHED = ['status.json', 'config.yaml', 'environment.json', 'checkpoints', 'evaluations', 'heartbeat'] as const;

/** Changes whenever a watched file does; undefined where the folder is no run. Six stats, no contents. */
export async function signatureOf(folder: string): Promise<string | undefined> {
  const stats = await Promise.all(WATCHED.map((name) => stat(path.join(folder, name)).then(({ mtimeMs, size, ino }) => `${mtimeMs}/${size}/${ino}`, () => '-')));
  // A run begins with its config; a folder that only has `checkpoints` is something else.
  return stats[0] === '-' && stats[1] === '-' ? undefined : stats.join(' ');
}

/** Sentences instead of failures: a run that cannot be read is shown with what is wrong. */
export async function readRun(folder: string): Promise<OwnRun> {
  const base = { key: folder, id: path.basename(folder), origin: 'mim' as const };
  try {
    const { state, status, config, checkpoints, evaluations } = await inspectWithConfig(folder);
    const environment = await readOrigin(folder);
    const problem = status === undefined ? 'status.json is missing or damaged.' : config === undefined ? 'config.yaml is missing or damaged.' : undefined;
    return { ...base, state, status, config, checkpoints, evaluations, sweep: environment?.sweep, experimentFile: environment?.experimentFile, problem };
  } catch (error) {
    return { ...base, state: 'lost', checkpoints: [], evaluations: [], problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Names of the folders in `runsFolder`; undefined where it cannot be read now, as on a mount that is away. */
export async function folderNames(runsFolder: string): Promise<string[] | undefined> {
  try {
    const entries = await readdir(runsFolder, { withFileTypes: true });
    return entries.filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.')).map(({ name }) => name);
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? [] : undefined;
  }
}

const originSchema = z.object({ sweep: z.string().optional(), experimentFile: z.string().optional() });

async function readOrigin(folder: string): Promise<z.output<typeof originSchema>> {
  try {
    const origin = originSchema.parse(JSON.parse(await readFile(path.join(folder, 'environment.json'), 'utf8')));
    const isThere = origin.experimentFile !== undefined && (await stat(origin.experimentFile).then((entry) => entry.isFile(), () => false));
    return isThere ? origin : { sweep: origin.sweep };
  } catch {
    return {};
  }
}
