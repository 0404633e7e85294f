/** The lines of links above an experiment and above its mask ratio. */
import { hidesPatches } from '../config/method-traits';
import type { ResolvedExperiment } from '../config/schema';
import type { LibraryRun } from '../library/library-run';
import type { RunKey } from '../protocol/dashboard';
import { type KeyPlace, placeOf } from './locate-key';
import { bestProbe } from '../runs/run-report';
import { age, percent, resultsByRatio, runsOf, sparkline } from './past-runs';

export interface Lens {
  readonly offset: number;
  readonly title: string;
  readonly tooltip?: string;
  readonly action: { readonly kind: 'run' | 'sweep' | 'preview' } | { readonly kind: 'dashboard'; readonly runs: readonly RunKey[] };
}

export interface LensContext {
  readonly file: string;
  readonly places: readonly KeyPlace[];
  /** Absent while the experiment has errors. */
  readonly resolved?: ResolvedExperiment;
  readonly runs: readonly LibraryRun[];
  /** Nothing can be run where nobody trusts the folder, nor from a text without a file. */
  readonly canRun: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function lensesOf(context: LensContext): Lens[] {
  return [...(context.canRun ? runLenses(context) : []), ...lastResult(context), ...ratioLens(context)];
}

/** An experiment with a sweep is many runs, and cannot be run as one. */
function runLenses({ places, resolved }: LensContext): Lens[] {
  const lenses: Lens[] = [placeOf(places, 'sweep') ? { offset: 0, title: '$(run-all) Run Sweep', action: { kind: 'sweep' } } : { offset: 0, title: '$(play) Run', action: { kind: 'run' } }];
  if (!resolved || hidesPatches(resolved.method)) lenses.push({ offset: 0, title: 'Preview masks', action: { kind: 'preview' } });
  return lenses;
}

function lastResult({ file, resolved, runs, now }: LensContext): Lens[] {
  const run = runsOf(runs, { file, name: resolved?.name })[0];
  if (!run) return [];
  const probe = bestProbe(run.evaluations);
  const result = probe ? `${probe.protocol} ${percent(probe.top1)}` : run.state;
  const when = run.status ? `, ${age(run.status.updatedAt, now)}` : '';
  return [{ offset: 0, title: `last: ${result} (${run.name}${when})`, tooltip: 'Open the dashboard on this run', action: { kind: 'dashboard', runs: [run.key] } }];
}

function ratioLens({ places, resolved, runs }: LensContext): Lens[] {
  const place = placeOf(places, 'masking.ratio') ?? placeOf(places, 'sweep.grid.masking.ratio');
  const results = place && resolved && hidesPatches(resolved.method) ? resultsByRatio(runs, resolved) : [];
  if (!place || results.length === 0) return [];
  const best = results.reduce((a, b) => (b.top1 > a.top1 ? b : a));
  const shape = results.length > 1 ? ` · ${results[0]!.ratio} ${sparkline(results.map(({ top1 }) => top1))} ${results.at(-1)!.ratio}` : '';
  return [
    {
      offset: place.key.start,
      title: `best so far: ${best.protocol} ${percent(best.top1)} at ${best.ratio}${shape}`,
      tooltip: `${best.run.name}; best of each ratio over runs of the same method and data`,
      action: { kind: 'dashboard', runs: results.map(({ run }) => run.key) },
    },
  ];
}
