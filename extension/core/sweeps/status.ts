/** How far each cell of a sweep is, by the runs that are there. */
import path from 'node:path';
import { listRuns, type RunSummary } from '../runs/list-runs';
import type { RunState } from '../runs/run-status';
import { frozenIdentity } from './frozen-identity';
import type { RecordedCell, SweepRecord } from './record';

/** `missing`: no run trains it. `dropped`: successive halving left it behind, stopped with a checkpoint. */
export type CellState = RunState | 'missing' | 'dropped';

export interface CellStatus {
  /** Of the cell in the sweep's json. */
  readonly index: number;
  readonly cell: RecordedCell;
  readonly state: CellState;
  /** The run that counts for it, where there are several the farthest. */
  readonly run?: RunSummary;
}

const FARTHEST: readonly RunState[] = ['finished', 'running', 'paused', 'stopped', 'lost', 'failed'];

/**
 * The cells that the sweep expects; those that are withdrawn are left out.
 *
 * @param runs folder of the runs
 */
export async function sweepStatus(runs: string, { cells }: Pick<SweepRecord, 'cells'>): Promise<CellStatus[]> {
  const found = await runsByIdentity(runs, cells);
  return cells.flatMap((cell, index) => (cell.withdrawn ? [] : [statusOf(cell, index, found.get(cell.identity))]));
}

/** Of one cell, also of one that is withdrawn. */
export async function cellStatus(runs: string, cell: RecordedCell, index: number): Promise<CellStatus> {
  return statusOf(cell, index, (await runsByIdentity(runs, [cell])).get(cell.identity));
}

function statusOf(cell: RecordedCell, index: number, run: RunSummary | undefined): CellStatus {
  const state = run?.state ?? 'missing';
  return { index, cell, state: state === 'stopped' && cell.dropped ? 'dropped' : state, ...(run && { run }) };
}

/** Runs are known by what they train, not by their names. */
async function runsByIdentity(runsFolder: string, cells: readonly RecordedCell[]): Promise<Map<string, RunSummary>> {
  const wanted = new Map(cells.map((cell) => [cell.identity, cell]));
  const runs = new Map<string, RunSummary>();
  for (const run of await listRuns(runsFolder)) {
    const identity = await frozenIdentity(path.join(run.path, 'config.yaml'));
    const cell = identity === undefined ? undefined : wanted.get(identity);
    if (cell === undefined || !counts(run, cell)) continue;
    const before = runs.get(cell.identity);
    if (before === undefined || FARTHEST.indexOf(run.state) < FARTHEST.indexOf(before.state)) runs.set(cell.identity, run);
  }
  return runs;
}

function counts({ status }: RunSummary, { since }: RecordedCell): boolean {
  return since === undefined || (status !== undefined && status.startedAt >= since);
}
