/**
 * Sweeps of a runs folder. The runs themselves lie in the folder like any other; each says in environment.json of which
 * sweep and cell it is. `.mim/sweeps/<name>.json` lists the cells that are expected, so that missing ones are seen.
 */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { explainWriteError, writeFileAtomically } from '../files/durable-files';

const valueSchema = z.union([z.string(), z.number(), z.boolean()]);

const sweepRecordSchema = z.object({
  name: z.string(),
  /** Absolute path of the experiment. */
  experimentFile: z.string(),
  /** ISO 8601: when it was last started. */
  startedAt: z.string(),
  cells: z.array(z.object({ name: z.string(), values: z.record(z.string(), valueSchema), identity: z.string() })),
});

export type SweepRecord = z.output<typeof sweepRecordSchema>;

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
  const records = await Promise.all(names.map((name) => readRecord(path.join(folder, name))));
  return records.filter((record) => record !== undefined);
}

/** Replaces what was known of a sweep of this name. @throws UserError MIM7001, MIM7002 */
export async function writeSweep(runsFolder: string, record: SweepRecord): Promise<void> {
  const folder = sweepsFolder(runsFolder);
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw explainWriteError(error, folder);
  });
  await writeFileAtomically(path.join(folder, `${record.name}.json`), `${JSON.stringify(record, null, 2)}\n`);
}

function sweepsFolder(runsFolder: string): string {
  return path.join(runsFolder, '.mim', 'sweeps');
}

async function readRecord(file: string): Promise<SweepRecord | undefined> {
  try {
    return sweepRecordSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
