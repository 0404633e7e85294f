/** The worker's side of a job: what it leaves in the job's folder for whoever looks. Without a job nothing is written. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileAtomically } from '../core/files/durable-files';
import type { DownloadProgress } from '../core/hub/progress';
import { JOB_VARIABLE } from '../core/jobs/job-files';
import { thisProcess } from '../core/runs/processes';
import { exitCodes } from './exit-codes';

const WORD_MS = 1000;

let failure: string | undefined;
let nextWord = 0;

/**
 * To be called once, before anything else: claims the job, and says at any exit but a kill how it ended.
 * @returns false where another process has the job, after which this one is to leave without a trace.
 */
export async function beginJob(): Promise<boolean> {
  const folder = process.env[JOB_VARIABLE];
  if (folder === undefined) return true;
  if (!(await claim(folder))) return false;
  process.on('exit', (code) => write(folder, 'exit.json', { code, state: stateOf(code), message: code === exitCodes.done || code === exitCodes.stopped ? undefined : failure, at: new Date().toISOString() }));
  // Trainings answer the signal themselves, with a checkpoint.
  process.once('SIGTERM', () => {
    if (process.listenerCount('SIGTERM') === 0) process.exit(exitCodes.stopped);
  });
  return true;
}

/** A folder that is gone or cannot be written is no reason to fail the work. */
async function claim(folder: string): Promise<boolean> {
  return createFileAtomically(join(folder, 'worker.json'), `${JSON.stringify(await thisProcess(), null, 2)}\n`).catch(() => true);
}

/** Names the run at work. */
export function tellJobOfRun(run: string): void {
  const folder = process.env[JOB_VARIABLE];
  if (folder !== undefined) write(folder, 'run.json', { run });
}

/** How far the weights are that are needed before there is a run; at most one word a second, and the last. */
export function tellJobOfDownload(progress: DownloadProgress): void {
  const folder = process.env[JOB_VARIABLE];
  if (folder === undefined || (Date.now() < nextWord && progress.received < progress.total)) return;
  nextWord = Date.now() + WORD_MS;
  write(folder, 'download.json', progress);
}

/** Keeps why the command failed, for its exit. */
export function tellJobOfFailure(message: string): void {
  failure = message;
}

function stateOf(code: number): 'done' | 'stopped' | 'failed' {
  if (code === exitCodes.done) return 'done';
  return code === exitCodes.stopped || code === exitCodes.interrupted ? 'stopped' : 'failed';
}

/** At once, as an exiting process must, and onto the disk. A folder that is gone is no reason to fail the work. */
function write(folder: string, name: string, content: object): void {
  const temporary = join(folder, `.${name}.tmp-${process.pid}`);
  try {
    writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`, { flush: true });
    renameSync(temporary, join(folder, name));
  } catch {
    // The job's folder was removed or the disk is full.
  }
}
