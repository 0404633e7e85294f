/** `mim slurm status`, `cancel`, `hold`, `release`, `requeue` and `log`. */
import { resolve } from 'node:path';
import { concerned, control, type Request } from '../../core/launchers/slurm/control';
import { readLog } from '../../core/launchers/slurm/log';
import { isAtWork } from '../../core/launchers/slurm/states';
import { SlurmWatch, type CellRow, type SlurmStatus } from '../../core/launchers/slurm/status';
import { readSubmissions, slurmFolder, submittedSweeps } from '../../core/launchers/slurm/submission';
import { transportTo } from '../../core/launchers/slurm/transport';
import { UserError } from '../../core/problems';
import { readSweep, sweepFile, type SweepRecord } from '../../core/sweeps/record';
import { exitCodes } from '../exit-codes';
import { printJson, styled, type Terminal } from '../terminal';
import { statusLines } from './tell-status';

const FOLLOW_MS = 1_000;

/** @returns the exit code: a cluster that cannot be asked is a failure, though what is known is told */
export async function tellStatus(terminal: Terminal, runsFolder: string, name: string | undefined, json: boolean): Promise<number> {
  const runs = resolve(runsFolder);
  const records = name === undefined ? await Promise.all((await submittedSweeps(runs)).map((sweep) => readSweep(sweepFile(runs, sweep)))) : [await findSubmitted(runs, name)];
  const watch = new SlurmWatch();
  const all: (SlurmStatus & { readonly sweep: string })[] = [];
  for (const record of records) all.push({ sweep: record.name, ...(await watch.look(runs, record)) });
  if (json) printJson(terminal, all.map(({ sweep, cells, failures }) => ({ sweep, cells, failures: failures.map(({ code, message, hint }) => ({ code, message, hint })) })));
  else tellTables(terminal, all, runs);
  return all.some(({ failures }) => failures.length > 0) ? exitCodes.failed : exitCodes.done;
}

function tellTables(terminal: Terminal, all: readonly (SlurmStatus & { readonly sweep: string })[], runs: string): void {
  if (all.length === 0) terminal.note(`No sweep of ${runs} was handed to Slurm. \`mim sweep CONFIG --launcher slurm\` does it.`);
  for (const status of all) {
    if (all.length > 1) terminal.out(styled(terminal, 'bold', status.sweep));
    for (const line of statusLines(status)) terminal.out(line);
  }
  const failures = new Map(all.flatMap(({ failures }) => failures.map((failure) => [failure.message, failure])));
  for (const { code, message, hint } of failures.values()) {
    terminal.note(`${styled(terminal, 'red', `error ${code}:`)} ${message}`);
    if (hint !== undefined) terminal.note(`  ${hint}`);
  }
}

/** @param cells indexes; none: all of which it can be asked */
export async function ask(terminal: Terminal, what: Request, runsFolder: string, name: string, cells: readonly number[], json: boolean): Promise<void> {
  const runs = resolve(runsFolder);
  const { cells: rows, failures } = await new SlurmWatch().look(runs, await findSubmitted(runs, name));
  if (failures[0] !== undefined) throw failures[0];
  const named = cells.length === 0 ? rows : cells.map((index) => rowOf(rows, index, name));
  const asked = concerned(named, what);
  if (asked.length > 0) await control(what, asked, slurmFolder(runs, name));
  if (json) printJson(terminal, { sweep: name, [what]: asked.map(({ index, task }) => ({ index, task })) });
  else if (asked.length === 0) terminal.out(`There is nothing to ${what}: ${named.map(({ index, state }) => `cell ${index} is ${state}`).join(', ')}.`);
  else terminal.out(`${what}: ${asked.map(({ index, task }) => `cell ${index} (${task})`).join(', ')}`);
}

/** Its newest task; with `follow` until nothing is at work on the cell any more. */
export async function tellLog(terminal: Terminal, runsFolder: string, name: string, index: number, follow: boolean): Promise<void> {
  const runs = resolve(runsFolder);
  const record = await findSubmitted(runs, name);
  const watch = new SlurmWatch();
  let row = rowOf((await watch.look(runs, record)).cells, index, name);
  if (row.log === undefined) throw new UserError('MIM7469', `Cell ${index} of ${name} was not handed to Slurm.`, '`mim slurm status` tells which cells were.', exitCodes.notFound);
  for (let offset = 0, log = row.log; ; ) {
    const { text, next } = await readLog(log, offset, transportTo(row.host));
    if (text !== '') terminal.out(text.replace(/\n$/, ''));
    if (next > offset) {
      offset = next;
      continue;
    }
    if (!follow || !isAtWork(row.state)) return;
    await new Promise((done) => setTimeout(done, FOLLOW_MS));
    row = rowOf((await watch.look(runs, record)).cells, index, name);
    // A cell that was submitted again says the rest in a file of its own.
    if (row.log !== undefined && row.log !== log) [log, offset] = [row.log, 0];
  }
}

async function findSubmitted(runs: string, name: string): Promise<SweepRecord> {
  if ((await readSubmissions(slurmFolder(runs, name))).length > 0) return readSweep(sweepFile(runs, name));
  const names = await submittedSweeps(runs);
  const hint = names.length === 0 ? `No sweep of ${runs} was; --runs names another folder.` : `Those of ${runs} are: ${names.join(', ')}.`;
  throw new UserError('MIM7468', `No sweep ${name} was handed to Slurm.`, hint, exitCodes.notFound);
}

function rowOf(rows: readonly CellRow[], index: number, name: string): CellRow {
  const row = rows.find((one) => one.index === index);
  if (row === undefined) throw new UserError('MIM7469', `The sweep ${name} has no cell ${index}.`, `Its cells are: ${rows.map((one) => one.index).join(', ')}.`, exitCodes.notFound);
  return row;
}
