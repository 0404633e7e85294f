import type { CellState } from '../core/sweeps/status';

export type SweepStatusCount = Readonly<Record<'expected' | CellState, number>>;

/** How many cells there are in each state. */
export function countsOf(cells: readonly { readonly state: CellState }[]): SweepStatusCount {
  const counts = { expected: cells.length, finished: 0, running: 0, paused: 0, stopped: 0, lost: 0, failed: 0, dropped: 0, missing: 0 };
  for (const { state } of cells) counts[state]++;
  return counts;
}
