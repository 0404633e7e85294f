/**
 * The queue's folder, which is all that anybody knows of it. One a user and machine; any number of readers.
 *
 *   entries/<id>/
 *     entry.json               what was asked for; never changed
 *     experiment.yaml, source.yaml   of a training: the experiment frozen when it was added, and as written
 *     priority.json, hold, cancel, retry.json   what was asked for since, each by its own file
 *     attempts/<n>/            the job's folder of each beginning (see core/jobs/job-files.ts), and beside its files
 *       launch.json            what was given to it: the GPU, and how often memory had run out before
 *       verdict.json           what the supervisor made of its end, and how it goes on
 *   paused                     nothing new starts
 *   limits.json                what the queue may take of the machine
 *   supervisor.lock, .heartbeat, .log
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { errorCode, explainWriteError, temporaryBeside, writeFileAtomically } from '../files/durable-files';
import { jobSpecSchema } from '../jobs/job-files';
import type { EntryRecord } from './entry';

export const QUEUE_VARIABLE = 'MIM_QUEUE';

/** `$MIM_QUEUE`, or a folder of this user and machine below `$XDG_STATE_HOME`: homes may be shared between machines. */
export function queueFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = environment[QUEUE_VARIABLE];
  if (chosen !== undefined && chosen !== '') return path.resolve(chosen);
  const state = environment['XDG_STATE_HOME'];
  const base = state !== undefined && path.isAbsolute(state) ? state : path.join(os.homedir(), '.local', 'state');
  return path.join(base, 'mim', 'queue', os.hostname());
}

const needsSchema = z.object({ device: z.enum(['cpu', 'gpu']), gpu: z.int().min(0).optional(), memory: z.number().min(0), threads: z.int().min(0) });

const entrySchema = z.object({
  spec: jobSpecSchema,
  name: z.string(),
  priority: z.int(),
  needs: needsSchema,
  after: z.array(z.string()),
  createdAt: z.string(),
  maxAttempts: z.int().min(1),
  accumulate: z.array(z.int().min(1)),
  runs: z.string().optional(),
}) satisfies z.ZodType<EntryRecord>;

const limitsSchema = z.object({ threads: z.int().min(1).optional(), memory: z.number().positive().optional(), gpus: z.int().min(0).optional() });
export type Limits = z.output<typeof limitsSchema>;

const launchSchema = z.object({ gpu: z.int().optional(), memoryKills: z.number().optional() });
export type LaunchRecord = z.output<typeof launchSchema>;

const verdictSchema = z.object({
  /** `again`: with `next`, in a further attempt. */
  state: z.enum(['done', 'stopped', 'failed', 'cancelled', 'again']),
  message: z.string().optional(),
  next: jobSpecSchema.optional(),
  /** ISO 8601: not before. */
  notBefore: z.string().optional(),
  /** ISO 8601. */
  at: z.string(),
});
export type Verdict = z.output<typeof verdictSchema>;

const prioritySchema = z.object({ priority: z.int() });
const retrySchema = z.object({
  /** Number of the attempt with which it begins again. */
  fromAttempt: z.int().min(1),
  /** Not with the run it had. */
  anew: z.boolean(),
});
type RetryRecord = z.output<typeof retrySchema>;
const pausedSchema = z.object({ runs: z.array(z.string()) });

/** Runs that were asked to pause together with the queue. */
export type PauseRecord = z.output<typeof pausedSchema>;

export class QueueFiles {
  constructor(readonly folder: string) {}

  inside(...names: readonly string[]): string {
    return path.join(this.folder, ...names);
  }

  entry(id: string): string {
    return this.inside('entries', id);
  }

  attempt(id: string, number: number): string {
    return this.inside('entries', id, 'attempts', String(number));
  }

  /** By number. */
  async ids(): Promise<string[]> {
    const names = await readdir(this.inside('entries')).catch(() => []);
    return names.filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(a) - Number(b));
  }

  /** Gives the entry the next number; it is there whole, with its files by name, or not at all. @throws UserError MIM7001, MIM7002 */
  async createEntry(record: EntryRecord, files: Readonly<Record<string, string>> = {}): Promise<string> {
    const entries = this.inside('entries');
    try {
      await mkdir(entries, { recursive: true });
      const unfinished = temporaryBeside(path.join(entries, 'entry'));
      await mkdir(unfinished);
      for (const [name, text] of Object.entries(files)) await writeFileAtomically(path.join(unfinished, name), text);
      await writeJson(path.join(unfinished, 'entry.json'), record);
      for (let number = (await this.lastNumber()) + 1; ; number++) {
        if (await renameToNew(unfinished, this.entry(String(number)))) return String(number);
      }
    } catch (error) {
      throw explainWriteError(error, entries);
    }
  }

  /** Numbers are not given twice, also where entries were cleared away. */
  async rememberLastNumber(): Promise<void> {
    await writeJson(this.inside('last.json'), { number: await this.lastNumber() });
  }

  /** The path of an experiment that lies in the entry's folder is completed. */
  async readEntry(id: string): Promise<EntryRecord | undefined> {
    const record = await readJson(path.join(this.entry(id), 'entry.json'), entrySchema);
    if (record?.spec.kind !== 'pretrain') return record;
    return { ...record, spec: { ...record.spec, configFile: path.resolve(this.entry(id), record.spec.configFile) } };
  }

  async priority(id: string): Promise<number | undefined> {
    return (await readJson(path.join(this.entry(id), 'priority.json'), prioritySchema))?.priority;
  }

  async setPriority(id: string, priority: number): Promise<void> {
    await writeJson(path.join(this.entry(id), 'priority.json'), { priority });
  }

  /** A person's last wish that it begin again. */
  readRetry(id: string): Promise<RetryRecord | undefined> {
    return readJson(path.join(this.entry(id), 'retry.json'), retrySchema);
  }

  async retry(id: string, record: RetryRecord): Promise<void> {
    await writeJson(path.join(this.entry(id), 'retry.json'), record);
  }

  async lastAttempt(id: string): Promise<number> {
    const names = await readdir(path.join(this.entry(id), 'attempts')).catch(() => []);
    return Math.max(0, ...names.filter((name) => /^\d+$/.test(name)).map(Number));
  }

  /** @returns false where there is one already. */
  async createAttempt(id: string, number: number): Promise<boolean> {
    await mkdir(path.join(this.entry(id), 'attempts'), { recursive: true });
    return mkdir(this.attempt(id, number)).then(() => true, (error: unknown) => {
      if (errorCode(error) === 'EEXIST') return false;
      throw explainWriteError(error, this.attempt(id, number));
    });
  }

  readLaunch(attempt: string): Promise<LaunchRecord | undefined> {
    return readJson(path.join(attempt, 'launch.json'), launchSchema);
  }

  writeLaunch(attempt: string, launch: LaunchRecord): Promise<void> {
    return writeJson(path.join(attempt, 'launch.json'), launch);
  }

  readVerdict(attempt: string): Promise<Verdict | undefined> {
    return readJson(path.join(attempt, 'verdict.json'), verdictSchema);
  }

  writeVerdict(attempt: string, verdict: Verdict): Promise<void> {
    return writeJson(path.join(attempt, 'verdict.json'), verdict);
  }

  readPause(): Promise<PauseRecord | undefined> {
    return readJson(this.inside('paused'), pausedSchema);
  }

  async writePause(record: PauseRecord): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeJson(this.inside('paused'), record);
  }

  async readLimits(): Promise<Limits> {
    return (await readJson(this.inside('limits.json'), limitsSchema)) ?? {};
  }

  writeLimits(limits: Limits): Promise<void> {
    return writeJson(this.inside('limits.json'), limits);
  }

  private async lastNumber(): Promise<number> {
    const cleared = (await readJson(this.inside('last.json'), z.object({ number: z.int() })))?.number ?? 0;
    return Math.max(cleared, ...(await this.ids()).map(Number));
  }
}

/** A mark is a file whose being there says it all: `hold`, `cancel`. */
export async function setMark(file: string, there: boolean): Promise<void> {
  if (there) await writeFileAtomically(file, `${new Date().toISOString()}\n`);
  else await rm(file, { force: true });
}

async function renameToNew(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    // Windows says EPERM of a folder that is there.
    if (['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(errorCode(error) ?? '') && (await readdir(to).catch(() => [])).length > 0) return false;
    throw error;
  }
}

async function writeJson(file: string, content: object): Promise<void> {
  await writeFileAtomically(file, `${JSON.stringify(content, null, 2)}\n`);
}

/** Undefined where the file is absent or damaged. */
async function readJson<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.output<Schema> | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
