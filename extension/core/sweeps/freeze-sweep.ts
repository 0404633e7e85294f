/** A sweep as its experiment says it → its object on disk, from which any process on any machine can train a cell. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { freezeResolved } from '../config/freeze';
import type { ExpandedSweep, SweepCell } from '../config/sweep';
import { explainWriteError, writeFileAtomically } from '../files/durable-files';
import { cellFiles, sweepFolder, sweepSource } from './cell-files';
import { frozenIdentity } from './frozen-identity';
import { readSweep, sweepFile, writeSweep, type RecordedCell, type SweepRecord } from './record';

/**
 * Writes the sweep's json, the experiment as written and the frozen experiment of each cell. A cell that was known keeps
 * its index, new ones are appended; those that the experiment no longer has are marked and stay.
 *
 * @param source text of the experiment
 * @param file its path, absolute
 * @throws UserError MIM7001 (disk full), MIM7002 (not permitted)
 */
export async function freezeSweep(sweep: ExpandedSweep, source: string, file: string): Promise<SweepRecord> {
  const json = sweepFile(sweep.runs, sweep.name);
  const record = await recordOf(sweep, file);
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

/** The sweep's object as {@link freezeSweep} would write it; nothing is written. */
export async function recordOf(sweep: ExpandedSweep, file: string): Promise<SweepRecord> {
  const known = await readSweep(sweepFile(sweep.runs, sweep.name)).catch(() => undefined);
  return { name: sweep.name, experimentFile: path.resolve(file), startedAt: new Date().toISOString(), cells: mergedCells(known?.cells ?? [], sweep.cells) };
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
