/** `mim sweep` with the launcher queue: adds the cells, says what to do next, and with `--wait` watches to the end. */
import { addCells, openCell } from '../core/queue/cell-entries';
import type { Queue } from '../core/queue/queue';
import { sweepStatus } from '../core/sweeps/status';
import { sweepFile } from '../core/sweeps/record';
import { exitCodes } from './exit-codes';
import type { LaunchRequest } from './launch';
import { queueHere } from './queue-run';
import { printJson, type Terminal } from './terminal';

const LOOK_MS = 1_000;

export async function launchOnQueue(terminal: Terminal, request: LaunchRequest): Promise<number> {
  const { sweep, runs, wait, json } = request;
  const queue = queueHere();
  const submission = await addCells(queue, request);
  if (submission.jobs.length > 0) await queue.ensureSupervisor();
  if (json === true && wait !== true) printJson(terminal, { launcher: 'queue', sweep: sweep.name, runs, ...submission });
  const say = json === true ? terminal.note : terminal.out;
  const { jobs, already } = submission;
  if (jobs.length > 0) say(`Queued ${jobs.length} of ${sweep.cells.length} cells of ${sweep.name}: entries ${jobs[0]}${jobs.length > 1 ? ` to ${jobs.at(-1)}` : ''}.`);
  if (already.length > 0) say(`${already.length} cells are in the queue already.`);
  if (jobs.length === 0 && already.length === 0) say(`Nothing to queue: no cell of ${sweep.name} is to do.`);
  if (wait === true) return watch(terminal, queue, request);
  say('Watch with: mim queue list');
  return exitCodes.done;
}

/** Until no entry runs or waits to run a cell of the sweep. @returns the exit code */
async function watch(terminal: Terminal, queue: Queue, { sweep, runs, json }: LaunchRequest): Promise<number> {
  const file = sweepFile(runs, sweep.name);
  while ((await queue.read()).entries.some((entry) => openCell(entry, file) !== undefined && entry.state !== 'blocked' && entry.state !== 'held')) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  const cells = await sweepStatus(runs, sweep);
  const undone = cells.filter(({ state }) => state !== 'finished' && state !== 'dropped');
  if (json === true) printJson(terminal, { sweep: sweep.name, runs, cells: cells.map(({ index, cell, state, run }) => ({ index, name: cell.name, state, run: run?.path })) });
  else terminal.out(undone.length === 0 ? `Sweep ${sweep.name}: all cells are done.` : `Sweep ${sweep.name}: ${undone.length} of ${cells.length} cells are not done: ${undone.map(({ cell, state }) => `${cell.name} (${state})`).join(', ')}`);
  return undone.length === 0 ? exitCodes.done : exitCodes.failed;
}
