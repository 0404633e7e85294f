/**
 * What was last known of the runs of each folder, so that the next window shows them before it has looked: a thousand
 * folders take a second, one file does not. Whatever it says is compared with the folders as soon as they were looked at.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomically } from '../files/durable-files';
import type { OwnRun, Signature } from './read-run';

export interface RememberedRun {
  readonly signature: Signature;
  /** With its config, where that is whole. */
  readonly run: OwnRun;
}

interface Remembered {
  /** Of the program that wrote it: another may know of other keys. */
  readonly version: string;
  readonly folder: string;
  readonly runs: readonly RememberedRun[];
}

export class LibraryMemory {
  /** @param place a folder of our own; undefined: nothing is remembered */
  constructor(
    private readonly place: string | undefined,
    private readonly version: string,
  ) {}

  /** None where nothing was kept, or where it is damaged or another version's. */
  async recall(runsFolder: string): Promise<readonly RememberedRun[]> {
    if (this.place === undefined) return [];
    try {
      const { version, folder, runs } = JSON.parse(await readFile(this.file(this.place, runsFolder), 'utf8')) as Partial<Remembered>;
      return version === this.version && folder === runsFolder && Array.isArray(runs) ? runs : [];
    } catch {
      return [];
    }
  }

  /** What cannot be kept is looked for again. */
  async keep(runsFolder: string, runs: readonly RememberedRun[]): Promise<void> {
    if (this.place === undefined) return;
    const text = JSON.stringify({ version: this.version, folder: runsFolder, runs } satisfies Remembered);
    await mkdir(this.place, { recursive: true }).catch(() => undefined);
    await writeFileAtomically(this.file(this.place, runsFolder), text).catch(() => undefined);
  }

  private file(place: string, runsFolder: string): string {
    return path.join(place, `${createHash('sha256').update(runsFolder).digest('hex').slice(0, 16)}.json`);
  }
}
