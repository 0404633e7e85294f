/** One run directory, read again only where its files say that something changed. */
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import type { ResolvedExperiment } from '../config/schema';
import { errorCode } from '../files/durable-files';
import { glanceAtRun } from '../runs/run-report';
import type { LibraryRun } from './library-run';

export type OwnRun = Omit<LibraryRun, 'name' | 'marks'>;

/** Of what a look at the run needs to know whether anything differs from the last one. */
const WATCHED = ['status.json', 'config.yaml', 'environment.json', 'checkpoints', 'evaluations', 'heartbeat'] as const;

export interface Signature {
  /** Differs whenever a watched file does. */
  readonly all: string;
  /** Of config.yaml alone, which hardly ever changes. */
  readonly config: string;
}

/** Undefined where the folder is no run. Six stats, no contents. */
export async function signatureOf(folder: string): Promise<Signature | undefined> {
  const stats = await Promise.all(WATCHED.map((name) => stat(path.join(folder, name)).then(({ mtimeMs, size, ino }) => `${mtimeMs}/${size}/${ino}`, () => '-')));
  const [status, config] = stats as [string, string];
  // A run begins with its config; a folder that only has `checkpoints` is something else.
  return status === '-' && config === '-' ? undefined : { all: stats.join(' '), config };
}

/** Sentences instead of failures: a run that cannot be read is shown with what is wrong. The config is left to {@link withConfig}. */
export async function readRun(folder: string): Promise<OwnRun> {
  const base = { key: folder, id: path.basename(folder), origin: 'mim' as const };
  try {
    const { state, status, checkpoints, evaluations } = await glanceAtRun(folder);
    const environment = await readOrigin(folder);
    const problem = status === undefined ? 'status.json is missing or damaged.' : undefined;
    return { ...base, state, status, checkpoints, evaluations, sweep: environment.sweep, experimentFile: environment.experimentFile, problem };
  } catch (error) {
    return { ...base, state: 'lost', checkpoints: [], evaluations: [], problem: error instanceof Error ? error.message : String(error) };
  }
}

/** @param config undefined: it was read, and is missing or damaged */
export function withConfig(run: OwnRun, config: ResolvedExperiment | undefined): OwnRun {
  return { ...run, config, problem: run.problem ?? (config === undefined ? 'config.yaml is missing or damaged.' : undefined) };
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
