/** One cell of a sweep, whoever asks for it: finds its run, goes on with it or begins one, and leaves word of the end. */
import { writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { UserError } from '../core/problems';
import { writeFileAtomically } from '../core/files/durable-files';
import { keepBeating } from '../core/runs/heartbeat-thread';
import { acquireLock } from '../core/runs/run-lock';
import { findStatus } from '../core/runs/run-state';
import { cellFiles, sweepSource, type CellExit, type CellFiles } from '../core/sweeps/cell-files';
import { frozenIdentity } from '../core/sweeps/frozen-identity';
import { readSweep, runsFolderOf, type RecordedCell, type SweepRecord } from '../core/sweeps/record';
import { cellStatus, type CellStatus } from '../core/sweeps/status';
import type { TrainingEvents, TrainingOutcome } from '../training/events';
import type { StopSignal } from '../training/stop-signal';
import { exitCodes } from './exit-codes';
import { shortPath, train } from './train';
import type { Terminal } from './terminal';

export interface CellOptions {
  /** The sweep's json, absolute. */
  readonly sweep: string;
  readonly index: number;
  /** Run it anew where it failed. */
  readonly retry?: boolean;
  /** Stop with a checkpoint once so many epochs are done. */
  readonly untilEpoch?: number;
  readonly json?: boolean;
}

/** What is known of the cell that is run. */
interface CellAtWork {
  readonly record: SweepRecord;
  readonly cell: RecordedCell;
  readonly files: CellFiles;
  /** Its run, once there is one. */
  run?: string;
}

/**
 * @returns the exit code: done or stopped
 * @throws UserError MIM7403, MIM7404 for a sweep or cell there is not; MIM7405 (exit code 5) where another process works on
 *   it; MIM7406 where it failed before and is not to be retried; whatever the training fails with
 */
export async function runCell(terminal: Terminal, options: CellOptions): Promise<number> {
  const record = await readSweep(options.sweep);
  const cell = record.cells[options.index];
  if (cell === undefined) throw new UserError('MIM7404', `The sweep ${record.name} has no cell ${options.index}.`, `Its ${record.cells.length} cells are counted from 0.`, exitCodes.notFound);
  const atWork: CellAtWork = { record, cell, files: cellFiles(options.sweep, options.index) };
  const release = await holdCell(atWork, options);
  try {
    return await leavingWord(atWork, () => runHeldCell(terminal, atWork, options));
  } finally {
    await release();
  }
}

async function runHeldCell(terminal: Terminal, atWork: CellAtWork, options: CellOptions): Promise<number> {
  const { record, cell } = atWork;
  const status = await cellStatus(runsFolderOf(options.sweep), cell, options.index);
  atWork.run = status.run?.path;
  const starts = startOf(status, atWork, options);
  if (starts !== undefined) return train(terminal, options, (events, signal) => starts(watched(events, atWork), signal));
  if (options.json === true) terminal.out(JSON.stringify({ event: 'end', run: atWork.run, state: 'finished' }));
  else terminal.out(`Cell ${options.index} of ${record.name} is done: ${shortPath(atWork.run!)}`);
  return exitCodes.done;
}

type Start = (events: TrainingEvents, signal: StopSignal) => Promise<TrainingOutcome>;

/** Undefined where nothing is left to do. */
function startOf({ state, run }: CellStatus, atWork: CellAtWork, options: CellOptions): Start | undefined {
  const { untilEpoch } = options;
  switch (state) {
    case 'finished':
      return undefined;
    case 'running':
    case 'paused':
      throw busy(atWork, options, `its run ${run!.path} is at work`);
    case 'failed':
      if (options.retry !== true) throw failedBefore(atWork, options, run?.status?.message);
      return (events, signal) => newRun(atWork, options, events, signal);
    case 'missing':
      return (events, signal) => newRun(atWork, options, events, signal);
    case 'stopped':
    case 'lost':
    case 'dropped':
      return async (events, signal) => {
        const { resume } = await import('../training/pretrain');
        return resume({ run: run!.path, untilEpoch, events, signal });
      };
  }
}

async function newRun({ record, cell, files }: CellAtWork, { sweep, untilEpoch }: CellOptions, events: TrainingEvents, signal: StopSignal): Promise<TrainingOutcome> {
  if ((await frozenIdentity(files.frozen)) !== cell.identity) {
    throw new UserError('MIM7407', `${files.frozen} is absent, or is not the experiment that the sweep lists.`, `\`mim sweep ${record.experimentFile} --status\` tells what is there; \`mim sweep\` writes it anew.`);
  }
  const { pretrain } = await import('../training/pretrain');
  return pretrain({
    configFile: files.frozen,
    name: cell.name,
    note: cell.note,
    runsFolder: runsFolderOf(sweep),
    cell: {
      // A single run that was handed over stands for itself.
      membership: Object.keys(cell.values).length === 0 ? undefined : { sweep: record.name, sweepCell: { name: cell.name, values: cell.values } },
      experimentFile: record.experimentFile,
      source: await readFile(sweepSource(sweep), 'utf8'),
    },
    untilEpoch,
    events,
    signal,
  });
}

/** The run is known as soon as it is there, for whoever asks how the cell ended. */
function watched(events: TrainingEvents, atWork: CellAtWork): TrainingEvents {
  return {
    ...events,
    onStart: (summary, run) => {
      atWork.run = run;
      events.onStart?.(summary, run);
    },
  };
}

/** Two processes never work on one cell, whoever started them. @returns what gives it back */
async function holdCell(atWork: CellAtWork, options: CellOptions): Promise<() => Promise<void>> {
  const { lock, heartbeat, exit } = atWork.files;
  const unlock = await acquireLock(lock, heartbeat).catch((error: unknown) => {
    throw isHeld(error) ? busy(atWork, options, error.message) : error;
  });
  const stopBeating = keepBeating(heartbeat);
  await rm(exit, { force: true });
  return async () => {
    await stopBeating();
    await rm(heartbeat, { force: true });
    await unlock();
  };
}

function isHeld(error: unknown): error is UserError {
  return error instanceof UserError && error.code === 'MIM7101';
}

/** Writes how the work on a cell ended, at any end but a kill. */
async function leavingWord(atWork: CellAtWork, work: () => Promise<number>): Promise<number> {
  // A second Ctrl-C leaves the process at once.
  const atOnce = (code: number): void => writeFileSync(atWork.files.exit, exitText({ code, state: 'stopped', run: atWork.run, at: new Date().toISOString() }));
  process.once('exit', atOnce);
  const tell = async (code: number, state: CellExit['state'], message: string | undefined): Promise<void> => {
    await writeFileAtomically(atWork.files.exit, exitText({ code, state, run: atWork.run, at: new Date().toISOString(), message }));
  };
  try {
    const code = await work();
    const stopped = code === exitCodes.stopped;
    await tell(code, stopped ? 'stopped' : 'done', stopped && atWork.run !== undefined ? (await findStatus(atWork.run))?.message : undefined);
    return code;
  } catch (error) {
    await tell(error instanceof UserError ? error.exitCode : exitCodes.failed, 'failed', error instanceof Error ? error.message : String(error)).catch(() => undefined);
    throw error;
  } finally {
    process.removeListener('exit', atOnce);
  }
}

function exitText(end: CellExit): string {
  return `${JSON.stringify(end, null, 2)}\n`;
}

function busy({ record, cell }: CellAtWork, { index }: CellOptions, why: string): UserError {
  return new UserError('MIM7405', `Cell ${index} of ${record.name} (${cell.name}) is not free: ${why}.`, 'Wait for it, or stop it with `mim stop`.', exitCodes.busy);
}

function failedBefore({ record, cell }: CellAtWork, { index }: CellOptions, message = 'it does not say why'): UserError {
  return new UserError('MIM7406', `Cell ${index} of ${record.name} (${cell.name}) failed: ${message}`, 'With `--retry` it is run anew.');
}
