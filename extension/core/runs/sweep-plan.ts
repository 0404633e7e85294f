/** Which cells of a sweep are done, by the runs that are there. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseResolved } from '../config/freeze';
import { experimentIdentity, type SweepCell } from '../config/sweep';
import { listRuns, type RunSummary } from './list-runs';
import type { RunState } from './run-status';

export interface PlannedCell {
  readonly cell: SweepCell;
  /** `missing`: no run trains this experiment. */
  readonly state: RunState | 'missing';
  /** The run that counts for it, where there are several the farthest. */
  readonly run?: string;
  readonly action: 'run' | 'resume' | 'skip';
}

export interface RerunOptions {
  /** Run every cell anew. */
  readonly again?: boolean;
  /** Run failed cells anew. */
  readonly retry?: boolean;
}

const FARTHEST: readonly RunState[] = ['finished', 'running', 'paused', 'stopped', 'lost', 'failed'];

/** Runs are known by what they train, not by their names. */
export async function planSweep(cells: readonly SweepCell[], runsFolder: string, options: RerunOptions): Promise<PlannedCell[]> {
  const runs = new Map<string, RunSummary>();
  for (const run of await listRuns(runsFolder)) {
    const identity = await identityOf(run.path);
    const before = identity === undefined ? undefined : runs.get(identity);
    if (identity !== undefined && (before === undefined || FARTHEST.indexOf(run.state) < FARTHEST.indexOf(before.state))) runs.set(identity, run);
  }
  return cells.map((cell) => {
    const run = runs.get(cell.identity);
    const state = run?.state ?? 'missing';
    return { cell, state, ...(run && { run: run.path }), action: actionOn(state, options) };
  });
}

function actionOn(state: RunState | 'missing', { again = false, retry = false }: RerunOptions): PlannedCell['action'] {
  switch (state) {
    case 'missing':
      return 'run';
    case 'stopped':
    case 'lost':
      return again ? 'run' : 'resume';
    case 'failed':
      return again || retry ? 'run' : 'skip';
    case 'finished':
      return again ? 'run' : 'skip';
    case 'running':
    case 'paused':
      return 'skip';
  }
}

/** Undefined where config.yaml is damaged. */
async function identityOf(run: string): Promise<string | undefined> {
  try {
    return experimentIdentity(parseResolved(await readFile(path.join(run, 'config.yaml'), 'utf8')));
  } catch {
    return undefined;
  }
}
