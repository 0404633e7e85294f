/** The worker's side of a job: what it leaves in the job's folder for whoever looks. Without a job nothing is written. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JOB_VARIABLE } from '../core/jobs/job-files';
import { exitCodes } from './exit-codes';

let failure: string | undefined;

/** To be called once at the start: says that the worker has begun, and at any exit but a kill how it ended. */
export function reportToJob(): void {
  const folder = process.env[JOB_VARIABLE];
  if (folder === undefined) return;
  write(folder, 'worker.json', { pid: process.pid });
  process.on('exit', (code) => write(folder, 'exit.json', { code, state: stateOf(code), message: code === exitCodes.done || code === exitCodes.stopped ? undefined : failure, at: new Date().toISOString() }));
  // Trainings answer the signal themselves, with a checkpoint.
  process.once('SIGTERM', () => {
    if (process.listenerCount('SIGTERM') === 0) process.exit(exitCodes.stopped);
  });
}

/** Names the run at work. */
export function tellJobOfRun(run: string): void {
  const folder = process.env[JOB_VARIABLE];
  if (folder !== undefined) write(folder, 'run.json', { run });
}

/** Keeps why the command failed, for its exit. */
export function tellJobOfFailure(message: string): void {
  failure = message;
}

function stateOf(code: number): 'done' | 'stopped' | 'failed' {
  if (code === exitCodes.done) return 'done';
  return code === exitCodes.stopped || code === exitCodes.interrupted ? 'stopped' : 'failed';
}

/** At once, as an exiting process must. A folder that is gone is no reason to fail the work. */
function write(folder: string, name: string, content: object): void {
  const temporary = join(folder, `.${name}.tmp-${process.pid}`);
  try {
    writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`);
    renameSync(temporary, join(folder, name));
  } catch {
    // The job's folder was removed or the disk is full.
  }
}
