/** Cells of a frozen sweep → entries, each cell once however often it is asked for. */
import { readFile } from 'node:fs/promises';
import { parseResolved } from '../config/freeze';
import type { JobSpec } from '../jobs/job';
import type { Submission } from '../launchers/launcher';
import { cellFiles } from '../sweeps/cell-files';
import { sweepFile, type SweepRecord } from '../sweeps/record';
import type { EntryRecord, QueueEntry } from './entry';
import { entryRecord, type EntryWishes } from './new-entry';
import { isOpen, type Queue } from './queue';

export interface CellsRequest {
  readonly sweep: SweepRecord;
  /** The runs folder, absolute. */
  readonly runs: string;
  /** Indexes. */
  readonly cells: readonly number[];
  /** Run failed cells anew. */
  readonly retry?: boolean;
}

/** @throws UserError MIM7001, MIM7002, MIM7105 */
export async function addCells(queue: Queue, { sweep, runs, cells, retry }: CellsRequest, wishes: EntryWishes = {}): Promise<Submission> {
  const { records, added, already } = await cellRecords(queue, { sweep, runs, cells, retry }, wishes);
  const jobs: string[] = [];
  for (const record of records) jobs.push(await queue.add(record));
  return { jobs, cells: added, already };
}

/** What {@link addCells} adds; nothing is added yet. */
export async function cellRecords(queue: Queue, { sweep, runs, cells, retry }: CellsRequest, wishes: EntryWishes): Promise<{ records: EntryRecord[]; added: number[]; already: number[] }> {
  const file = sweepFile(runs, sweep.name);
  const atWork = new Set((await queue.read()).entries.flatMap((entry) => openCell(entry, file) ?? []));
  const records: EntryRecord[] = [];
  const added = cells.filter((index) => !atWork.has(index));
  for (const index of added) records.push(await recordOf({ kind: 'cell', sweep: file, index, ...(retry === true && { retry }) }, sweep, runs, wishes));
  return { records, added, already: cells.filter((index) => atWork.has(index)) };
}

/** Index of the cell of this sweep that an entry waits to run or runs. */
export function openCell({ spec, state }: QueueEntry, file: string): number | undefined {
  return spec.kind === 'cell' && spec.sweep === file && isOpen(state) ? spec.index : undefined;
}

async function recordOf(spec: Extract<JobSpec, { kind: 'cell' }>, sweep: SweepRecord, runs: string, wishes: EntryWishes): Promise<EntryRecord> {
  const { frozen } = cellFiles(spec.sweep, spec.index);
  return { ...entryRecord(spec, sweep.cells[spec.index]!.name, parseResolved(await readFile(frozen, 'utf8'), frozen), wishes), runs };
}
