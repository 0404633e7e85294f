/** Diagnostics of runs as the pages ask for them, again and again: each record is read once. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryRun } from '../library/library-run';
import { diagnosedSteps, readDiagnostics, type Diagnostics } from '../runs/diagnostics';

interface Known {
  readonly modified: number;
  readonly record: Diagnostics | undefined;
}

export class DiagnosedRuns {
  private readonly known = new Map<string, Known>();

  /** Of a run, by step; those that are damaged are left out. */
  async all(run: LibraryRun): Promise<Diagnostics[]> {
    const records = await Promise.all((await stepsOf(run)).map((step) => this.read(run.key, step)));
    return records.flatMap((record) => record ?? []);
  }

  async last(run: LibraryRun): Promise<Diagnostics | undefined> {
    const step = (await stepsOf(run)).at(-1);
    return step === undefined ? undefined : this.read(run.key, step);
  }

  private async read(run: string, step: number): Promise<Diagnostics | undefined> {
    const file = path.join(run, 'diagnostics', `step-${step}.json`);
    const modified = await stat(file).then(({ mtimeMs }) => mtimeMs, () => -1);
    const known = this.known.get(file);
    if (known?.modified === modified) return known.record;
    const record = await readDiagnostics(run, step);
    this.known.set(file, { modified, record });
    return record;
  }
}

async function stepsOf({ key, origin }: LibraryRun): Promise<number[]> {
  return origin === 'mim' ? diagnosedSteps(key) : [];
}
