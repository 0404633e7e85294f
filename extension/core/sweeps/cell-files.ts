/**
 * What lies beside a sweep's json, in `.mim/sweeps/<name>/`:
 *
 *   source.yaml        the experiment as written
 *   <index>.yaml       the frozen experiment of a cell; it never changes while the json lists the cell
 *   <index>.lock       which process works on the cell; its heartbeat is <index>.heartbeat
 *   <index>.exit.json  how the last process that worked on the cell ended; absent while one works, or after a kill
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

export interface CellFiles {
  readonly frozen: string;
  readonly lock: string;
  readonly heartbeat: string;
  readonly exit: string;
}

/** @param file the sweep's json */
export function cellFiles(file: string, index: number): CellFiles {
  const inside = (end: string): string => path.join(sweepFolder(file), `${index}.${end}`);
  return { frozen: inside('yaml'), lock: inside('lock'), heartbeat: inside('heartbeat'), exit: inside('exit.json') };
}

/** @param file the sweep's json */
export function sweepFolder(file: string): string {
  return file.replace(/\.json$/, '');
}

export function sweepSource(file: string): string {
  return path.join(sweepFolder(file), 'source.yaml');
}

const cellExitSchema = z.object({
  /** As the shell got it. */
  code: z.int(),
  state: z.enum(['done', 'stopped', 'failed']),
  /** The cell's run, where there is one. */
  run: z.string().optional(),
  /** ISO 8601. */
  at: z.string(),
  /** Why it failed or stopped. */
  message: z.string().optional(),
});

export type CellExit = z.output<typeof cellExitSchema>;

/** Undefined where no process has ended since one began, or where the file is damaged. */
export async function readCellExit(file: string, index: number): Promise<CellExit | undefined> {
  try {
    return cellExitSchema.parse(JSON.parse(await readFile(cellFiles(file, index).exit, 'utf8')));
  } catch {
    return undefined;
  }
}
