/** Runs for the tests of the dashboard: real folders, and a library that lists what the test says. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import type { RunLibrary } from '../../../extension/core/library/library';
import type { DashboardState } from '../../../extension/core/protocol/dashboard';
import { checkText } from '../../../extension/core/config/load';
import type { ResolvedExperiment } from '../../../extension/core/config/schema';
import type { RunStatus } from '../../../extension/core/runs/run-status';

export type Changes<T> = { readonly [key in keyof T]?: T[key] };

/** A finished run of 100 steps whose folder has the given records. */
export async function makeRun(runs: string, id: string, records: readonly object[], changes: Changes<LibraryRun> = {}): Promise<LibraryRun> {
  const key = path.join(runs, id);
  await mkdir(key, { recursive: true });
  await writeFile(path.join(key, 'metrics.jsonl'), lines(records));
  return { key, id, name: id, origin: 'mim', state: 'finished', status: makeStatus(), marks: { starred: false, tags: [] }, evaluations: [], checkpoints: [], ...changes };
}

export function lines(records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

export function makeStatus(changes: Changes<RunStatus> = {}): RunStatus {
  const startedAt = '2026-01-01T00:00:00.000Z';
  return { state: 'finished', pid: 1, host: 'h', processStart: '', startedAt, updatedAt: startedAt, step: 100, totalSteps: 100, epoch: 10, totalEpochs: 10, ...changes };
}

export function makeConfig(yaml = ''): ResolvedExperiment {
  const { resolved, problems } = checkText(`mim: 1\nmethod: supervised\ndata: { kind: shapes, image_size: 32 }\nstudent: vit_tiny_patch4\n${yaml}`, '/nowhere/x.mim.yaml');
  if (!resolved) throw new Error(JSON.stringify(problems));
  return resolved;
}

export function libraryOf(runs: readonly LibraryRun[]): RunLibrary {
  return {
    runs,
    get: (key) => runs.find((run) => run.key === key),
    setPlaces: () => undefined,
    refresh: () => Promise.resolve(),
    onChange: () => () => undefined,
    mark: () => Promise.resolve(),
    dispose: () => undefined,
  };
}

export function makeState(runs: readonly LibraryRun[], changes: Changes<DashboardState> = {}): DashboardState {
  return {
    view: 'curves',
    selected: runs.map(({ key }) => key),
    curves: { metrics: [], x: 'step', smoothing: 0, logX: false, logY: false, heatMap: false },
    sweep: { keys: [] },
    alignment: {},
    probe: {},
    diagnostics: {},
    samples: {},
    compare: { columns: [], filter: '', onlyDifferences: false, summary: 'last' },
    ...changes,
  };
}
