/** The runs as lists and legends show them. */
import type { LibraryRun } from '../library/library-run';
import type { RunKey, RunRow } from '../protocol/dashboard';
import { bestProbe } from '../runs/run-report';

/** In the order of the library, newest first. */
export function runRows(runs: readonly LibraryRun[]): RunRow[] {
  const colors = defaultColors(runs);
  return runs.map((run) => runRow(run, colors.get(run.key)!));
}

function runRow(run: LibraryRun, color: number): RunRow {
  const { status, evaluations, marks } = run;
  const known = status !== undefined && status.totalSteps > 0;
  return {
    key: run.key,
    name: run.name,
    sweep: run.sweep,
    state: run.state,
    method: run.config?.method,
    progress: known ? Math.min(1, status.step / status.totalSteps) : undefined,
    step: status?.step,
    totalSteps: known ? status.totalSteps : undefined,
    loss: status?.loss ?? undefined,
    bestProbe: bestProbe(evaluations)?.top1,
    startedAt: status?.startedAt,
    problem: run.problem ?? (run.state === 'failed' || run.state === 'lost' ? status?.message : undefined),
    starred: marks.starred,
    tags: marks.tags,
    color: marks.color ?? color,
  };
}

/** Oldest first, so that a new run changes no colour and runs that follow each other differ. */
function defaultColors(runs: readonly LibraryRun[]): ReadonlyMap<RunKey, number> {
  const started = ({ status }: LibraryRun): string => status?.startedAt ?? '';
  const oldestFirst = runs.toSorted((a, b) => compare(started(a), started(b)) || compare(a.key, b.key));
  return new Map(oldestFirst.map(({ key }, index) => [key, index]));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
