/** The order of runs. */
import { bestProbe } from '../../core/runs/run-report';
import type { LibraryRun } from '../../core/library/library-run';
import type { RunDisplayState } from '../../core/protocol/dashboard';
import { lossOf, progressOf } from './run-text';

export type Order = 'newest' | 'name' | 'state' | 'probe' | 'loss' | 'progress';

export const orders: readonly { readonly order: Order; readonly label: string; readonly detail: string }[] = [
  { order: 'newest', label: 'Newest', detail: 'Last started first' },
  { order: 'name', label: 'Name', detail: 'A to Z, numbers by their size' },
  { order: 'state', label: 'State', detail: 'Running, paused, failed, lost, stopped, finished' },
  { order: 'probe', label: 'Best probe', detail: 'Highest accuracy of the student first' },
  { order: 'loss', label: 'Latest loss', detail: 'Lowest first' },
  { order: 'progress', label: 'Progress', detail: 'Furthest first' },
];

export function isOrder(value: unknown): value is Order {
  return orders.some(({ order }) => order === value);
}

/** What needs a person comes before what is done. */
const stateRank: Record<RunDisplayState, number> = { running: 0, paused: 1, failed: 2, lost: 3, stopped: 4, finished: 5, external: 6 };
const byName = new Intl.Collator('en', { numeric: true });

type Compare = (a: LibraryRun, b: LibraryRun) => number;

/** Unknown values come last whichever way the others go. */
function by(value: (run: LibraryRun) => number | null | undefined, direction: 1 | -1): Compare {
  return (a, b) => {
    const [x, y] = [value(a), value(b)].map((v) => (typeof v === 'number' && Number.isFinite(v) ? v : undefined));
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
    return direction * (x - y);
  };
}

/** Of equals the order given stays: newest first. */
const compare: Record<Order, Compare> = {
  newest: by(({ status }) => (status === undefined ? undefined : Date.parse(status.startedAt)), -1),
  name: (a, b) => byName.compare(a.name, b.name),
  state: by(({ state }) => stateRank[state], 1),
  probe: by((run) => bestProbe(run.evaluations)?.top1, -1),
  loss: by(lossOf, 1),
  progress: by(progressOf, -1),
};

/** Starred runs first, each part in the order asked for. */
export function sortRuns(runs: readonly LibraryRun[], order: Order): LibraryRun[] {
  return runs.toSorted((a, b) => Number(b.marks.starred) - Number(a.marks.starred) || compare[order](a, b));
}
