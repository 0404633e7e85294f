/** The runs of all known folders, kept current by polling: nothing depends on file events, which network mounts lack. */
import type { RunKey } from '../protocol/dashboard';
import type { LibraryRun, RunMarks } from './library-run';

export interface RunLibrary {
  /** As last seen; newest first. */
  readonly runs: readonly LibraryRun[];
  get(key: RunKey): LibraryRun | undefined;
  /** Folders that hold run directories, and external runs (folders or files), replace those before. */
  setPlaces(places: { readonly runFolders: readonly string[]; readonly external: readonly string[] }): void;
  /** Looks now; resolves when `runs` is current. */
  refresh(): Promise<void>;
  /** Told after a look that found something changed, with the keys that did (removed ones too). */
  onChange(listener: (changed: ReadonlySet<RunKey>) => void): () => void;
  /** Writes the user's marks; an external run's too. */
  mark(key: RunKey, marks: Partial<RunMarks>): Promise<void>;
  dispose(): void;
}
