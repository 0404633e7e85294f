/** One beginning of an entry, as its job folder tells it. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { readExitRecord, readJobRecord, readRun, readWorker, type ExitRecord } from '../jobs/job-files';
import type { JobSpec } from '../jobs/job';
import { listRuns } from '../runs/list-runs';
import { isAlive, type ProcessIdentity } from '../runs/processes';
import { findStatus, runState } from '../runs/run-state';
import type { EntryRecord } from './entry';
import type { LaunchRecord, QueueFiles, Verdict } from './queue-files';

export interface Attempt {
  readonly number: number;
  readonly folder: string;
  /**
   * `unlaunched`: written down, and nothing came of it: its supervisor died. `launched`: a process is on its way.
   * `atWork`: a process has claimed it. `over`: it ended, or its process is gone.
   */
  readonly phase: 'unlaunched' | 'launched' | 'atWork' | 'over';
  /** What its process was told to do; absent before that is written. */
  readonly spec?: JobSpec;
  readonly startedAt?: string;
  /** The process that claimed it. */
  readonly worker?: ProcessIdentity;
  readonly exit?: ExitRecord;
  readonly run?: string;
  readonly launch?: LaunchRecord;
  readonly verdict?: Verdict;
}

/** A process that was started is written down within this time, or its supervisor died before it could. */
const LAUNCH_MS = 5_000;

export async function readAttempt(files: QueueFiles, id: string, number: number, entry: EntryRecord): Promise<Attempt> {
  const folder = files.attempt(id, number);
  const [job, launch, verdict] = await Promise.all([readJobRecord(folder), files.readLaunch(folder), files.readVerdict(folder)]);
  const worker = await readWorker(folder);
  const run = await runOf(folder, job?.spec, worker, entry);
  const phase = verdict === undefined ? await phaseOf(folder, worker, run) : 'over';
  // After the phase: a process that is gone has written all it ever will.
  const exit = await readExitRecord(folder);
  return { number, folder, phase: exit === undefined ? phase : 'over', spec: job?.spec, startedAt: job?.startedAt, worker, exit, run, launch, verdict };
}

async function phaseOf(folder: string, worker: ProcessIdentity | undefined, run: string | undefined): Promise<Attempt['phase']> {
  if (worker === undefined) return unclaimedPhase(folder);
  const life = await isAlive(worker);
  // Of a process on another host only its run can tell.
  if (life === 'unknown') return run !== undefined && (await runState(run)) === 'lost' ? 'over' : 'atWork';
  return life === 'alive' ? 'atWork' : 'over';
}

async function unclaimedPhase(folder: string): Promise<Attempt['phase']> {
  const job = await readJobRecord(folder);
  if (job?.process !== undefined) return (await isAlive(job.process)) === 'dead' ? 'over' : 'launched';
  const writtenAt = job === undefined ? await stat(folder).then(({ mtimeMs }) => mtimeMs, () => Date.now()) : Date.parse(job.startedAt);
  return Date.now() - writtenAt < LAUNCH_MS ? 'launched' : 'unlaunched';
}

async function runOf(folder: string, spec: JobSpec | undefined, worker: ProcessIdentity | undefined, { runs }: EntryRecord): Promise<string | undefined> {
  const told = await readRun(folder);
  if (told !== undefined) return told;
  if (spec?.kind === 'resume' || spec?.kind === 'evaluate') return spec.run;
  return worker === undefined || runs === undefined ? undefined : runMadeBy(worker, runs);
}

/** Between making its run and naming it a process may be killed; the run itself says who made it. */
async function runMadeBy(worker: ProcessIdentity, runs: string): Promise<string | undefined> {
  if ((await isAlive(worker)) === 'alive') return undefined;
  for (const { path: run } of await listRuns(runs).catch(() => [])) {
    const status = await findStatus(run);
    if (status?.pid === worker.pid && status.host === worker.host && status.processStart === worker.processStart) return path.resolve(run);
  }
  return undefined;
}
