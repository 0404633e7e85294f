/** The files in the given places that are runs of other tools. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryRun } from '../library-run';

export interface ExternalFile {
  readonly file: string;
  readonly origin: Exclude<LibraryRun['origin'], 'mim'>;
}

/** Deep enough for `project/outputs/model/seed`; a dataset given by mistake does not keep the disk busy. */
const DEPTH = 4;
const MOST_ENTRIES = 20_000;

/** What every run directory has, and folders of other tools do not have together. */
const OWN_FILES = ['config.yaml', 'environment.json'];

/** @param places folders, searched, or files. Places that are away have no runs. */
export async function findExternalFiles(places: readonly string[]): Promise<ExternalFile[]> {
  const found = new Map<string, ExternalFile>();
  const budget = { entries: MOST_ENTRIES };
  for (const place of places) {
    const entry = await stat(place).catch(() => undefined);
    if (entry?.isFile() === true) remember(found, place);
    else if (entry?.isDirectory() === true) await search(place, DEPTH, budget, found);
  }
  return [...found.values()];
}

async function search(folder: string, depth: number, budget: { entries: number }, found: Map<string, ExternalFile>): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  budget.entries -= entries.length;
  // A run of our own is in the library already; its event files are a copy of it.
  if (OWN_FILES.every((name) => entries.some((entry) => entry.name === name))) return;
  for (const entry of entries.sort((a, b) => a.name.localeCompare(b.name))) {
    if (entry.isFile()) remember(found, path.join(folder, entry.name));
    else if (entry.isDirectory() && depth > 0 && budget.entries > 0 && !/^\.|^node_modules$/.test(entry.name)) await search(path.join(folder, entry.name), depth - 1, budget, found);
  }
}

function remember(found: Map<string, ExternalFile>, file: string): void {
  const origin = originOf(path.basename(file));
  if (origin !== undefined) found.set(file, { file, origin });
}

function originOf(name: string): ExternalFile['origin'] | undefined {
  if (name === 'log.txt') return 'mae-log';
  if (/^events\.out\.tfevents\./.test(name)) return 'tensorboard';
  if (/\.csv$/i.test(name)) return 'csv';
  return undefined;
}
