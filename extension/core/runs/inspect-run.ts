/** What a run directory says of itself, its config included. */
import type { ResolvedExperiment } from '../config/schema';
import { configOf } from './run-config';
import { glanceAtRun, type RunGlance } from './run-report';

export interface RunReport extends RunGlance {
  /** Absent where config.yaml is damaged. */
  readonly method?: ResolvedExperiment['method'];
}

export async function inspectRun(path: string): Promise<RunReport> {
  return { ...(await glanceAtRun(path)), method: (await configOf(path))?.method };
}
