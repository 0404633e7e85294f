/** The running jobs in a few characters, and each of them in the tooltip. */
import type { Job } from '../../core/jobs/job';
import type { LibraryRun } from '../../core/library/library-run';
import { progressOf, wholePercent } from '../sidebar/run-text';

/** @param others jobs at work that train none of `runs`: starting, or evaluating. @returns undefined where nothing is at work. */
export function statusOf(runs: readonly LibraryRun[], others: readonly Job[]): { readonly text: string; readonly tooltip: string } | undefined {
  if (runs.length + others.length === 0) return undefined;
  const lines = [...runs.map(lineOf), ...others.map((job) => `${whatOf(job)}: ${job.state}`)];
  const shares = runs.map((run) => progressOf(run) ?? 0);
  const mean = shares.length === 0 ? '' : ` ${wholePercent(shares.reduce((sum, share) => sum + share, 0) / shares.length)}`;
  const name = lines.length > 1 ? `${lines.length} jobs` : (runs[0]?.name ?? whatOf(others[0]!));
  const icon = runs.length > 0 && runs.every(({ state }) => state === 'paused') ? '$(debug-pause)' : '$(sync~spin)';
  return { text: `${icon} ${name}${mean}`, tooltip: `${lines.join('\n')}\nClick to open the dashboard` };
}

function lineOf(run: LibraryRun): string {
  const steps = run.status === undefined ? '' : `, step ${run.status.step} of ${run.status.totalSteps}`;
  return `${run.name}: ${run.state}${steps}`;
}

function whatOf({ spec }: Job): string {
  return { pretrain: 'Pretraining', sweep: 'Sweep', cell: 'Cell', resume: 'Resuming', evaluate: 'Evaluation' }[spec.kind];
}
