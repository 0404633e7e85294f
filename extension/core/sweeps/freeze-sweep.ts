/** A sweep as its experiment says it → its object on disk, from which any process on any machine can train a cell. */
import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { freezeResolved } from '../config/freeze';
import type { ExpandedSweep, SweepCell } from '../config/sweep';
import { explainWriteError, writeFileAtomically } from '../files/durable-files';
import { UserError } from '../problems';
import { cellFiles, sweepFolder, sweepSource } from './cell-files';
import { frozenIdentity } from './frozen-identity';
import { readSweep, sweepFile, writeSweep, type RecordedCell, type SweepRecord } from './record';

/**
 * Writes the sweep's json, the experiment as written and the frozen experiment of each cell. A cell that was known keeps
 * its index, new ones are appended; those that the experiment no longer has are marked and stay.
 *
 * @param source text of the experiment
 * @param file its path, absolute
 * @throws UserError MIM7001 (disk full), MIM7002 (not permitted); MIM7409 where another experiment's sweep has this name
 */
export async function freezeSweep(sweep: ExpandedSweep, source: string, file: string): Promise<SweepRecord> {
  return write(sweep, source, await recordOf(sweep, file));
}

/**
 * A run that no sweep asks for, as the one cell of a sweep of its own, so that whatever looks after cells looks after it.
 * What was trained under this name before stays listed.
 *
 * @throws UserError as {@link freezeSweep}; MIM7410 where a real sweep has this name
 */
export async function freezeSingle(run: ExpandedSweep, source: string, file: string, note?: string): Promise<SweepRecord> {
  const record = await recordOf(run, file);
  if (record.cells.some(({ values }) => Object.keys(values).length > 0)) throw new UserError('MIM7410', `${run.name} is the name of a sweep in ${run.runs}.`, 'Give the run another with `--name`, or train the cells with `mim sweep`.', 2);
  return write(run, source, { ...record, cells: record.cells.map(({ withdrawn: _withdrawn, ...cell }) => (cell.identity === run.cells[0]!.identity ? { ...cell, note } : cell)) });
}

async function write(sweep: ExpandedSweep, source: string, record: SweepRecord): Promise<SweepRecord> {
  const json = sweepFile(sweep.runs, sweep.name);
  await mkdir(sweepFolder(json), { recursive: true }).catch((error: unknown) => {
    throw explainWriteError(error, sweepFolder(json));
  });
  await writeFileAtomically(sweepSource(json), source);
  for (const cell of sweep.cells) {
    const index = record.cells.findIndex(({ identity }) => identity === cell.identity);
    await freezeCell(cell, sweep.runs, cellFiles(json, index).frozen);
  }
  // Last: a cell that is listed can be trained.
  await writeSweep(sweep.runs, record);
  return record;
}

/** The sweep's object as {@link freezeSweep} would write it; nothing is written. @throws UserError MIM7409 */
export async function recordOf(sweep: ExpandedSweep, file: string): Promise<SweepRecord> {
  const known = await readSweep(sweepFile(sweep.runs, sweep.name)).catch(() => undefined);
  if (known !== undefined) await requireSameExperiment(known, sweep.runs, file);
  return { name: sweep.name, experimentFile: path.resolve(file), startedAt: new Date().toISOString(), cells: mergedCells(known?.cells ?? [], sweep.cells) };
}

/** An experiment may be moved; two that are there would withdraw each other's cells. */
async function requireSameExperiment({ name, experimentFile }: SweepRecord, runs: string, file: string): Promise<void> {
  const real = (path: string): Promise<string | undefined> => realpath(path).catch(() => undefined);
  const [before, now] = await Promise.all([real(experimentFile), real(file)]);
  if (before === undefined || before === now) return;
  throw new UserError('MIM7409', `${name} in ${runs} is what ${experimentFile} trains.`, 'Give this one another name (`sweep.name`; `--name` of a single run), or other `runs`.', 2);
}

/** @param expected no two of the same identity */
function mergedCells(known: readonly RecordedCell[], expected: readonly SweepCell[]): RecordedCell[] {
  const now = new Map(expected.map((cell) => [cell.identity, cell]));
  const kept = known.map((cell): RecordedCell => {
    const { withdrawn: _withdrawn, ...before } = cell;
    const found = now.get(cell.identity);
    now.delete(cell.identity);
    return found === undefined ? { ...before, withdrawn: true } : { ...before, name: found.name, values: { ...found.values } };
  });
  return [...kept, ...[...now.values()].map(({ name, values, identity }) => ({ name, values: { ...values }, identity }))];
}

/** One that is there and trains the same is left as it is: a process may be reading it. */
async function freezeCell({ resolved, identity, name }: SweepCell, runs: string, file: string): Promise<void> {
  if ((await frozenIdentity(file)) !== identity) await writeFileAtomically(file, freezeResolved({ ...resolved, name, runs }));
}

/**
 * From now on the runs there are do not count for these cells.
 *
 * @param runs folder of the runs
 * @param indexes of the cells
 */
export async function askAnew(runs: string, record: SweepRecord, indexes: readonly number[]): Promise<SweepRecord> {
  const since = new Date().toISOString();
  const cells = record.cells.map((cell, index) => {
    if (!indexes.includes(index)) return cell;
    const { dropped: _dropped, ...asked } = cell;
    return { ...asked, since };
  });
  await writeSweep(runs, { ...record, cells });
  return { ...record, cells };
}
