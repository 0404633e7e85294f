/**
 * Sweeps of a runs folder. The runs themselves lie in the folder like any other; each says in environment.json of which
 * sweep and cell it is. `.mim/sweeps/<name>.json` lists the cells that are expected, so that missing ones are seen.
 */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { errorCode, explainWriteError, writeFileAtomically } from '../files/durable-files';
import { UserError } from '../problems';

const valueSchema = z.union([z.string(), z.number(), z.boolean()]);

const droppedSchema = z.object({
  /** Epochs after which it was left behind. */
  epochs: z.number(),
  metric: z.string(),
  /** Of its configuration, the mean over seeds; null where it could not be measured. */
  value: z.number().nullable(),
  /** ISO 8601. */
  at: z.string(),
});

const cellSchema = z.object({
  name: z.string(),
  values: z.record(z.string(), valueSchema),
  /** See `experimentIdentity`. */
  identity: z.string(),
  /** For the log of its run. */
  note: z.string().optional(),
  /** The experiment changed and has no such cell any more; it keeps its index and its files. */
  withdrawn: z.literal(true).optional(),
  /** ISO 8601: it was asked for anew then, and runs that began earlier do not count. */
  since: z.string().optional(),
  /** Left behind by successive halving. */
  dropped: droppedSchema.optional(),
});

const sweepRecordSchema = z.object({
  name: z.string(),
  /** Absolute path of the experiment. */
  experimentFile: z.string(),
  /** ISO 8601: when it was last started. */
  startedAt: z.string(),
  /** The index of a cell is its place here; it never changes. */
  cells: z.array(cellSchema),
});

export type SweepRecord = z.output<typeof sweepRecordSchema>;
export type RecordedCell = z.output<typeof cellSchema>;

/** What a run's environment.json says of the sweep it belongs to; `sweep` is the sweep's name. */
export const sweepMembershipSchema = z.object({
  sweep: z.string(),
  sweepCell: z.object({ name: z.string(), values: z.record(z.string(), valueSchema) }),
});

export type SweepMembership = z.output<typeof sweepMembershipSchema>;

/** By name; damaged records are passed over. A folder without sweeps has none. */
export async function readSweeps(runsFolder: string): Promise<SweepRecord[]> {
  const folder = sweepsFolder(runsFolder);
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^[^.].*\.json$/.test(name)).sort();
  const records = await Promise.all(names.map((name) => readSweep(path.join(folder, name)).catch(() => undefined)));
  return records.filter((record) => record !== undefined);
}

/** @throws UserError MIM7403 where the file is absent or is no sweep's */
export async function readSweep(file: string): Promise<SweepRecord> {
  try {
    return sweepRecordSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    const what = errorCode(error) === 'ENOENT' ? `There is no sweep ${file}.` : `${file} does not list the cells of a sweep, or is damaged.`;
    throw new UserError('MIM7403', what, '`mim sweep CONFIG` writes it anew, in `.mim/sweeps` of the runs folder; the runs themselves are not touched.', errorCode(error) === 'ENOENT' ? 4 : 1);
  }
}

/** Replaces what was known of a sweep of this name. @throws UserError MIM7001, MIM7002 */
export async function writeSweep(runsFolder: string, record: SweepRecord): Promise<void> {
  const folder = sweepsFolder(runsFolder);
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw explainWriteError(error, folder);
  });
  await writeFileAtomically(sweepFile(runsFolder, record.name), `${JSON.stringify(record, null, 2)}\n`);
}

/** The sweep's json. */
export function sweepFile(runsFolder: string, name: string): string {
  return path.join(sweepsFolder(runsFolder), `${name}.json`);
}

/** Of a sweep's json, the folder its runs are in. */
export function runsFolderOf(file: string): string {
  return path.resolve(path.dirname(file), '..', '..');
}

function sweepsFolder(runsFolder: string): string {
  return path.join(runsFolder, '.mim', 'sweeps');
}
