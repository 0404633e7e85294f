/** The runs of a folder, for lists. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { isRun, RunDirectory } from './run-directory';
import type { RunState, RunStatus } from './run-status';

export interface RunSummary {
  readonly id: string;
  readonly path: string;
  readonly state: RunState;
  /** Undefined where status.json is damaged. */
  readonly status: RunStatus | undefined;
}

/** By start, newest first. A folder that does not exist has no runs. */
export async function listRuns(runsFolder: string): Promise<RunSummary[]> {
  const names = await readdir(runsFolder).catch(() => []);
  const summaries: RunSummary[] = [];
  for (const name of names) {
    const folder = path.join(runsFolder, name);
    if (!(await isRun(folder))) continue;
    const run = await RunDirectory.open(folder);
    const status = await run.readStatus().catch(() => undefined);
    summaries.push({ id: run.id, path: run.path, state: await run.state(), status });
  }
  return summaries.sort((a, b) => (b.status?.startedAt ?? '').localeCompare(a.status?.startedAt ?? '') || a.id.localeCompare(b.id));
}
