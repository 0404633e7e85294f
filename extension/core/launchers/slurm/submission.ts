/**
 * What was handed to Slurm, on disk beside the sweep's frozen cells, so that any process finds it:
 *
 *   <runs>/.mim/sweeps/<name>/slurm/<job>.json             a submission
 *   <runs>/.mim/sweeps/<name>/slurm/<stamp>.sh             its script
 *   <runs>/.mim/sweeps/<name>/slurm/<job>_<cell>.log       what a cell said, over all its starts in this job
 *   <runs>/.mim/sweeps/<name>/slurm/<cell>.history.jsonl   starts and ends of a cell, written by the script
 *   <runs>/.mim/sweeps/<name>/slurm/<cell>.cancelled       the task that was cancelled from here
 */
import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { explainWriteError, writeFileAtomically } from '../../files/durable-files';

const submissionSchema = z.object({
  /** Slurm's id of the array. */
  job: z.string(),
  sweep: z.string(),
  /** Login node; absent where Slurm was asked on this machine. */
  host: z.string().optional(),
  /** ISO 8601. */
  submittedAt: z.string(),
  /** Indexes of the cells, which are the array's tasks. */
  cells: z.array(z.int().min(0)),
  script: z.string(),
});

export type Submitted = z.output<typeof submissionSchema>;

const historySchema = z.object({
  event: z.enum(['start', 'end', 'requeued', 'resubmitted', 'cancelled']),
  at: z.string(),
  /** `1234_5`. */
  task: z.string(),
  restarts: z.int().optional(),
  node: z.string().optional(),
  /** Exit code, of `end`. */
  code: z.int().optional(),
  /** Job that goes on, of `resubmitted`. */
  as: z.string().optional(),
  message: z.string().optional(),
});

export type HistoryEvent = z.output<typeof historySchema>;

export const slurmFolder = (runs: string, sweep: string): string => path.join(runs, '.mim', 'sweeps', sweep, 'slurm');

/** @throws UserError MIM7001, MIM7002 */
export async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw explainWriteError(error, folder);
  });
}

export async function writeSubmission(folder: string, submission: Submitted): Promise<void> {
  await writeFileAtomically(path.join(folder, `${submission.job}.json`), `${JSON.stringify(submission, null, 2)}\n`);
}

/** Oldest first; damaged ones are passed over. */
export async function readSubmissions(folder: string): Promise<Submitted[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^\d+\.json$/.test(name));
  const found = await Promise.all(names.map((name) => readSubmission(path.join(folder, name))));
  return found.filter((submission) => submission !== undefined).sort((a, b) => a.submittedAt.localeCompare(b.submittedAt) || Number(a.job) - Number(b.job));
}

/** Names of the sweeps of a runs folder of which something was handed to Slurm. */
export async function submittedSweeps(runs: string): Promise<string[]> {
  const folder = path.join(runs, '.mim', 'sweeps');
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const submitted = await Promise.all(names.map(async (name) => (await readSubmissions(slurmFolder(runs, name))).length > 0));
  return names.filter((_, i) => submitted[i]).sort();
}

/** In order; lines that were cut by a kill are passed over. */
export async function readHistory(folder: string, cell: number): Promise<HistoryEvent[]> {
  const text = await readFile(path.join(folder, `${cell}.history.jsonl`), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      return [historySchema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}

/** Before Slurm is asked, so that the script, which sees only a signal, knows that the cell is to end. */
export async function markCancelled(folder: string, cell: number, task: string): Promise<void> {
  await writeFileAtomically(path.join(folder, `${cell}.cancelled`), `${task}\n`);
  await appendFile(path.join(folder, `${cell}.history.jsonl`), `${JSON.stringify({ event: 'cancelled', at: new Date().toISOString(), task })}\n`);
}

/** The tasks that were made for a cell, oldest first: those of submissions, and those the script submitted itself. */
export function tasksOf(cell: number, submissions: readonly Submitted[], history: readonly HistoryEvent[]): CellTask[] {
  const given = submissions.filter(({ cells }) => cells.includes(cell)).map(({ job, host, submittedAt }): CellTask => ({ task: `${job}_${cell}`, at: submittedAt, ...(host !== undefined && { host }) }));
  const again = history.flatMap(({ event, as, at, task }): CellTask[] => {
    if (event !== 'resubmitted' || as === undefined) return [];
    const host = given.find((one) => one.task === task)?.host;
    return [{ task: `${as}_${cell}`, at, ...(host !== undefined && { host }) }];
  });
  return [...given, ...again].sort((a, b) => a.at.localeCompare(b.at));
}

export interface CellTask {
  readonly task: string;
  /** ISO 8601. */
  readonly at: string;
  readonly host?: string;
}

async function readSubmission(file: string): Promise<Submitted | undefined> {
  try {
    return submissionSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
