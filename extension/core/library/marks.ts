/** What the user wrote on runs, for one runs folder: `<runs>/.mim/marks.json`. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { errorCode, explainWriteError, writeFileAtomically } from '../files/durable-files';
import { UserError } from '../problems';
import type { RunMarks } from './library-run';

const markSchema = z.object({ name: z.string().optional(), starred: z.boolean().default(false), tags: z.array(z.string()).default([]), color: z.int().optional() });
const marksSchema = z.record(z.string(), markSchema);

export const NO_MARKS: RunMarks = { starred: false, tags: [] };

/** By run id. Absent or damaged: none, so that a damaged file hides no run. */
export async function readMarks(runsFolder: string): Promise<Readonly<Record<string, RunMarks>>> {
  return readStrictly(runsFolder).catch(() => ({}));
}

/** Merges into what is there now: another window may have written since. @throws UserError MIM7401, MIM7001, MIM7002 */
export async function writeMarks(runsFolder: string, id: string, marks: Partial<RunMarks>): Promise<void> {
  const file = marksFile(runsFolder);
  const known = await readStrictly(runsFolder).catch(() => {
    throw new UserError('MIM7401', `${file} is damaged, so that nothing is written into it.`, 'Repair it or move it away: it holds the names, stars and tags of the runs beside it.');
  });
  const merged = { ...known, [id]: { ...NO_MARKS, ...known[id], ...marks } };
  await mkdir(path.dirname(file), { recursive: true }).catch((error: unknown) => {
    throw explainWriteError(error, path.dirname(file));
  });
  await writeFileAtomically(file, `${JSON.stringify(merged, null, 2)}\n`);
}

async function readStrictly(runsFolder: string): Promise<Record<string, RunMarks>> {
  const text = await readFile(marksFile(runsFolder), 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return '{}';
    throw error;
  });
  return marksSchema.parse(JSON.parse(text));
}

export function marksFile(runsFolder: string): string {
  return path.join(runsFolder, '.mim', 'marks.json');
}
