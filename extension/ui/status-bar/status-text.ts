/** The running jobs in a few characters, and each of them in the tooltip. */
import path from 'node:path';
import { downloadedPercent } from '../../core/hub/progress';
import type { Job } from '../../core/jobs/job';
import type { LibraryRun } from '../../core/library/library-run';
import { progressOf, wholePercent } from '../sidebar/run-text';

/** @param others jobs at work that train none of `runs`: starting, or evaluating. @returns undefined where nothing is at work. */
export function statusOf(runs: readonly LibraryRun[], others: readonly Job[]): { readonly text: string; readonly tooltip: string } | undefined {
  if (runs.length + others.length === 0) return undefined;
  const lines = [...runs.map(lineOf), ...others.map((job) => `${workOf(job)}: ${stateOf(job)}`)];
  const shares = runs.map((run) => progressOf(run) ?? 0);
  const mean = shares.length === 0 ? '' : ` ${wholePercent(shares.reduce((sum, share) => sum + share, 0) / shares.length)}`;
  const name = lines.length > 1 ? `${lines.length} jobs` : (runs[0]?.name ?? workOf(others[0]!));
  const icon = runs.length > 0 && runs.every(({ state }) => state === 'paused') ? '$(debug-pause)' : '$(sync~spin)';
  return { text: `${icon} ${name}${mean}`, tooltip: `${lines.join('\n')}\nClick to open the dashboard` };
}

function lineOf(run: LibraryRun): string {
  const steps = run.status === undefined || run.status.totalSteps === 0 ? '' : `, step ${run.status.step} of ${run.status.totalSteps}`;
  return `${run.name}: ${run.state}${steps}`;
}

function stateOf({ state, download }: Job): string {
  return download === undefined ? state : `${state}, downloading ${download.file}, ${downloadedPercent(download)} %`;
}

/** `Evaluation of student`, `Sweep of ratios.mim.yaml`, `Cell 3 of ratios`. */
export function workOf({ spec }: Job): string {
  const what = { pretrain: 'Pretraining', sweep: 'Sweep', resume: 'Resumption', evaluate: 'Evaluation' };
  switch (spec.kind) {
    case 'cell':
      return `Cell ${spec.index} of ${path.basename(spec.sweep, '.json')}`;
    case 'pretrain':
    case 'sweep':
      return `${what[spec.kind]} of ${path.basename(spec.configFile)}`;
    case 'resume':
    case 'evaluate':
      return `${what[spec.kind]} of ${path.basename(spec.run)}`;
  }
}
