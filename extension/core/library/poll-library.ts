/** The library by looking again and again: a few stats a run, and reading only what changed. */
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { ResolvedExperiment } from '../config/schema';
import { UserError } from '../problems';
import type { RunKey } from '../protocol/dashboard';
import { isLibraryRunEqual } from './equal-runs';
import { ExternalRuns } from './external/read-external';
import type { RunLibrary } from './library';
import { LibraryMemory } from './library-memory';
import type { LibraryRun, RunMarks } from './library-run';
import { NO_MARKS, readMarks, writeMarks } from './marks';
import { folderNames, readRun, signatureOf, withConfig, type OwnRun, type Signature } from './read-run';

export interface RunLibraryOptions {
  /** Milliseconds between looks; 0: only when asked. */
  readonly pollMs: number;
  /** Where the marks of runs made elsewhere are kept: their folders are not ours to write into. */
  readonly externalMarks: string;
  /** Where what is known of the runs is kept for the next window, and the version of the program. Absent: nowhere. */
  readonly memory?: { readonly folder: string; readonly version: string };
}

interface Known {
  readonly signature: Signature;
  readonly run: OwnRun;
  /** Absent until the config was looked at; it is not read again while its file stays. */
  readonly config?: { readonly value: ResolvedExperiment | undefined };
}

/** Looks at this many runs at a time, so that a network mount answers many questions at once. */
const AT_ONCE = 32;
/** Of many runs that do nothing, so many are looked at each time the library looks by itself; the others have their turn later. */
const QUIET_AT_ONCE = 100;
/** Milliseconds between two times that what is known is kept. */
const KEEP_MS = 60_000;

export function createRunLibrary(options: RunLibraryOptions): RunLibrary {
  return new PollingLibrary(options);
}

class PollingLibrary implements RunLibrary {
  private list: readonly LibraryRun[] = [];
  private byKey: ReadonlyMap<RunKey, LibraryRun> = new Map();
  private places: { readonly runFolders: readonly string[]; readonly external: readonly string[] } = { runFolders: [], external: [] };
  private readonly known = new Map<string, Known>();
  private readonly externalRuns = new ExternalRuns();
  private readonly memory: LibraryMemory;
  /** Runs folders of which what was kept has been recalled. */
  private readonly recalled = new Set<string>();
  private keptAt = 0;
  private hasNew = false;
  /** By runs folder, whose turn it is among the runs that do nothing. */
  private readonly turns = new Map<string, number>();
  private readonly listeners = new Set<(changed: ReadonlySet<RunKey>) => void>();
  private looking: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private disposed = false;

  constructor(private readonly options: RunLibraryOptions) {
    const { memory } = options;
    this.memory = new LibraryMemory(memory?.folder, memory?.version ?? '');
  }

  get runs(): readonly LibraryRun[] {
    return this.list;
  }

  get(key: RunKey): LibraryRun | undefined {
    return this.byKey.get(key);
  }

  setPlaces(places: { readonly runFolders: readonly string[]; readonly external: readonly string[] }): void {
    this.places = places;
    void this.refresh();
  }

  /** Never two looks at once; who asks during one waits for the one after it, which sees all that was there when asking. */
  refresh(): Promise<void> {
    if (this.looking === undefined) return this.begin();
    this.next ??= this.looking.then(() => {
      this.next = undefined;
      return this.begin();
    });
    return this.next;
  }

  onChange(listener: (changed: ReadonlySet<RunKey>) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  async mark(key: RunKey, marks: Partial<RunMarks>): Promise<void> {
    const run = this.byKey.get(key);
    if (run === undefined) throw new UserError('MIM7402', 'The run is no longer there.', 'Refresh the list of runs.');
    const isOwn = run.origin === 'mim';
    await writeMarks(isOwn ? path.dirname(key) : this.options.externalMarks, isOwn ? run.id : key, marks);
    await this.refresh();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    this.listeners.clear();
  }

  private begin(which: 'all' | 'due' = 'all'): Promise<void> {
    clearTimeout(this.timer);
    this.looking = this.look(which).finally(() => {
      this.looking = undefined;
      if (this.options.pollMs > 0 && !this.disposed) this.timer = setTimeout(() => void (this.looking ?? this.begin('due')), this.options.pollMs);
      this.timer?.unref();
    });
    return this.looking;
  }

  private async look(which: 'all' | 'due'): Promise<void> {
    const { runFolders, external } = this.places;
    for (const folder of runFolders) if (!this.recalled.has(folder)) await this.recall(folder);
    const own = await Promise.all(runFolders.map((folder) => this.lookInto(folder, which)));
    const externalMarks = await readMarks(this.options.externalMarks);
    const foreign = (await this.externalRuns.read(external)).map((run) => marked(run, externalMarks[run.key]));
    const seen = new Map([...own.flat(), ...foreign].map((run) => [run.key, run]));
    for (const key of this.known.keys()) if (!seen.has(key)) this.known.delete(key);
    const unread = [...this.known.keys()].filter((key) => this.known.get(key)?.config === undefined);
    // Many new runs are listed before their configs are read, which takes longer than all the rest.
    if (unread.length > AT_ONCE) this.publish(seen);
    await this.readConfigs(unread, seen);
    this.publish(seen);
    this.hasNew ||= unread.length > 0;
    if (this.hasNew && Date.now() - this.keptAt > KEEP_MS) await this.keep();
  }

  /** Shows what the last window knew. Whether a run is still at work it cannot have known. */
  private async recall(runsFolder: string): Promise<void> {
    this.recalled.add(runsFolder);
    const runs = await this.memory.recall(runsFolder);
    if (runs.length === 0) return;
    const marks = await readMarks(runsFolder);
    const seen = new Map(this.byKey);
    for (const { signature, run } of runs) {
      if (this.known.has(run.key)) continue;
      this.known.set(run.key, { signature, run, config: { value: run.config } });
      seen.set(run.key, marked(run, marks[run.id]));
    }
    this.publish(seen);
  }

  private async keep(): Promise<void> {
    this.hasNew = false;
    this.keptAt = Date.now();
    const quiet = [...this.known.values()].filter((known) => known.config !== undefined && isQuiet(known));
    for (const folder of this.places.runFolders) await this.memory.keep(folder, quiet.filter(({ run }) => path.dirname(run.key) === folder));
  }

  private async lookInto(runsFolder: string, which: 'all' | 'due'): Promise<LibraryRun[]> {
    const names = await folderNames(runsFolder);
    // A mount that does not answer now has not lost its runs.
    if (names === undefined) return this.list.filter(({ key, origin }) => origin === 'mim' && path.dirname(key) === runsFolder);
    const marks = await readMarks(runsFolder);
    const folders = names.map((name) => path.join(runsFolder, name));
    const later = which === 'all' ? new Set<string>() : this.notDue(runsFolder, folders);
    const runs = await someAtOnce(folders, (folder) => (later.has(folder) ? this.known.get(folder)!.run : this.ownRun(folder)));
    return runs.flatMap((run) => (run === undefined ? [] : [marked(run, marks[run.id])]));
  }

  /** Runs that may wait: nothing is at work in them, and it is the turn of others. */
  private notDue(runsFolder: string, folders: readonly string[]): ReadonlySet<string> {
    const quiet = folders.filter((folder) => {
      const known = this.known.get(folder);
      return known?.config !== undefined && isQuiet(known);
    });
    const from = (this.turns.get(runsFolder) ?? 0) % Math.max(1, quiet.length);
    this.turns.set(runsFolder, from + QUIET_AT_ONCE);
    const due = new Set([...quiet, ...quiet].slice(from, from + QUIET_AT_ONCE));
    return new Set(quiet.filter((folder) => !due.has(folder)));
  }

  private async ownRun(folder: string): Promise<OwnRun | undefined> {
    const signature = await signatureOf(folder);
    if (signature === undefined) return undefined;
    const known = this.known.get(folder);
    // A run that says it works may have died without a word in its files.
    if (known !== undefined && known.signature.all === signature.all && isQuiet(known)) return known.run;
    const read = await readRun(folder);
    const config = known?.signature.config === signature.config ? known.config : undefined;
    const run = config === undefined ? read : withConfig(read, config.value);
    this.known.set(folder, { signature, run, config });
    return run;
  }

  /** Completes the runs in `seen`. Parsing takes milliseconds a run: whoever else has something to do in this thread goes first. */
  private async readConfigs(folders: readonly string[], seen: Map<RunKey, LibraryRun>): Promise<void> {
    const { configFrom, configText } = await import('../runs/run-config');
    let turn = Promise.resolve();
    await someAtOnce(folders, async (folder) => {
      const text = await configText(folder);
      await (turn = turn.then(() => setImmediate()));
      const value = configFrom(text);
      const { signature, run } = this.known.get(folder)!;
      const whole = withConfig(run, value);
      this.known.set(folder, { signature, run: whole, config: { value } });
      const { name, marks } = seen.get(folder)!;
      seen.set(folder, { ...whole, name, marks });
    });
  }

  private publish(seen: ReadonlyMap<RunKey, LibraryRun>): void {
    if (this.disposed) return;
    const changed = new Set<RunKey>();
    const now = [...seen.values()].map((run) => {
      const before = this.byKey.get(run.key);
      if (before !== undefined && isLibraryRunEqual(before, run)) return before;
      changed.add(run.key);
      return run;
    });
    for (const key of this.byKey.keys()) if (!seen.has(key)) changed.add(key);
    if (changed.size === 0) return;
    this.list = now.sort((a, b) => (b.status?.startedAt ?? '').localeCompare(a.status?.startedAt ?? '') || a.id.localeCompare(b.id));
    this.byKey = new Map(this.list.map((run) => [run.key, run]));
    for (const listener of this.listeners) listener(changed);
  }
}

function isQuiet({ run: { state } }: Known): boolean {
  return state !== 'running' && state !== 'paused';
}

async function someAtOnce<T, R>(items: readonly T[], work: (item: T) => Promise<R> | R): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(work))));
  return results;
}

function marked(run: OwnRun, marks: RunMarks = NO_MARKS): LibraryRun {
  return { ...run, marks, name: marks.name ?? run.id };
}
