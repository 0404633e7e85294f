/** A job as its folder tells it. */
import path from 'node:path';
import { isAlive } from '../runs/processes';
import { runState } from '../runs/run-state';
import type { Job, JobState } from './job';
import { hasBegun, readDownload, readExitRecord, readJobRecord, readRun, readWorker, type ExitRecord, type JobRecord } from './job-files';
import { lastWords } from './last-words';
import { tailOf } from './output-tail';

/** A job without a process is younger than this, or its starter died. */
const STARTING_MS = 30_000;

/** Undefined where the folder holds no job. */
export async function readJob(folder: string): Promise<Job | undefined> {
  const record = await readJobRecord(folder);
  if (record === undefined) return undefined;
  const run = await readRun(folder);
  const about = { id: path.basename(folder), folder, spec: record.spec, startedAt: record.startedAt, ...(run === undefined ? {} : { run }) };
  const ended = await readExitRecord(folder);
  if (ended !== undefined) return { ...about, ...outcomeOf(ended) };
  switch (await lifeOf({ ...record, process: (await readWorker(folder)) ?? record.process }, run)) {
    case 'alive':
      return { ...about, ...(run === undefined ? await beginning(folder) : { state: 'running' }) };
    case 'dead': {
      // It may have ended between the two looks.
      const late = await readExitRecord(folder);
      return { ...about, ...(late === undefined ? await deathOf(folder) : outcomeOf(late)) };
    }
  }
}

async function beginning(folder: string): Promise<Pick<Job, 'state' | 'download'>> {
  const download = await readDownload(folder);
  return { state: 'starting', ...(download !== undefined && download.received < download.total && { download }) };
}

/** Whether the job is over for good, so that its folder need not be read again. */
export function isOver(state: JobState): boolean {
  return state !== 'starting' && state !== 'running';
}

async function lifeOf({ process, startedAt }: JobRecord, run: string | undefined): Promise<'alive' | 'dead'> {
  const life = process === undefined ? 'unknown' : await isAlive(process);
  if (life !== 'unknown') return life;
  // Started on another host, or just being started: what its run says counts, or its age.
  if (run !== undefined) return (await runState(run)) === 'lost' ? 'dead' : 'alive';
  return Date.now() - Date.parse(startedAt) < STARTING_MS ? 'alive' : 'dead';
}

function outcomeOf({ state, message }: ExitRecord): Pick<Job, 'state' | 'message'> {
  return { state, ...(message === undefined ? {} : { message }) };
}

/** It left no word of its end. One that never began could not start; the others were killed. */
async function deathOf(folder: string): Promise<Pick<Job, 'state' | 'message'>> {
  if (await hasBegun(folder)) return { state: 'lost', message: 'Its process is gone without a word: it was killed, or the machine went down.' };
  return { state: 'failed', message: lastWords(await tailOf(path.join(folder, 'output.log'))) };
}
