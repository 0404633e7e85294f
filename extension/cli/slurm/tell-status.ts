/** The cells of a sweep on a cluster, as a table. */
import type { CellRow, SlurmStatus } from '../../core/launchers/slurm/status';
import { shortPath } from '../train';
import { tableLines } from '../table';

export function statusLines(status: SlurmStatus): string[] {
  const rows = status.cells.map((row) => [String(row.index), row.name, stateText(row), row.task ?? '–', row.node ?? '', row.step === undefined ? '' : `${row.step}/${row.totalSteps}`, row.reason ?? (row.run === undefined ? '' : shortPath(row.run))]);
  return [...tableLines(['cell', 'name', 'state', 'task', 'node', 'step', 'reason or run'], rows, ['right', 'left', 'left', 'left', 'left', 'right', 'left']), '', summaryLine(status)];
}

/** `8 cells: 5 done, 2 running, 1 pending`. */
export function summaryLine({ cells }: SlurmStatus): string {
  const counts = new Map<string, number>();
  for (const { state } of cells) counts.set(state, (counts.get(state) ?? 0) + 1);
  return `${cells.length} cells: ${[...counts].map(([state, count]) => `${count} ${state}`).join(', ')}`;
}

function stateText({ state, requeues }: CellRow): string {
  if (requeues === 0) return state;
  return state === 'requeued' ? `requeued ×${requeues + 1}` : `${state}, requeued ×${requeues}`;
}
