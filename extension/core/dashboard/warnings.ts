/** Early warnings, few and plain: a NaN, divergence, a loss that stays where nothing is learnt, a plateau, a loss that falls while the probe stalls, collapse. */
import { bestProbe } from '../runs/run-report';
import type { LibraryRun, RunEvaluation } from '../library/library-run';
import type { RunKey } from '../protocol/dashboard';
import type { Diagnostics } from '../runs/diagnostics';
import { collapseWarning, diagnosedSpread, lossWarnings, type EarlyWarning, type Spread } from '../series/early-warnings';
import { lossTrend } from '../series/loss-trend';
import type { SelectedRun } from './selected-run';

/** Fewer probes cannot tell a stall from chance. */
const PROBES = 4;

export function runWarnings({ run, series, diagnosed }: SelectedRun): { readonly run: RunKey; readonly text: string }[] {
  const texts: string[] = [];
  const trend = lossTrend(series.store);
  const warnings = lossWarnings(series.store, run.config, trend);
  if (series.problem !== undefined) texts.push(series.problem);
  texts.push(...warnings.map(({ text }) => text));
  // What diverges or is stuck is told of already.
  if (trend?.isFlat && run.state === 'running' && warnings.length === 0) texts.push(`The loss has fallen by less than 0.5 % over the last third of ${series.store.records} records.`);
  if (trend && trend.now < 0.98 * trend.middle && hasStalled(run)) texts.push('The loss falls, but the probe has not improved over its last three results.');
  const collapse = collapseOf(run, diagnosed);
  if (collapse) texts.push(collapse.text);
  return texts.map((text) => ({ run: run.key, text }));
}

/** By what was looked at last: the levels, or the features of a probe. */
function collapseOf({ evaluations, config }: LibraryRun, diagnosed: Diagnostics | undefined): EarlyWarning | undefined {
  const probed = evaluations.flatMap(({ subject, step, protocol, featureWidth: width, collapseStd, rankMe }): Spread[] => (subject === 'student' && width !== undefined ? [{ step, of: `The features of ${protocol}`, width, collapseStd, rankMe }] : []));
  const levels = diagnosed && config && diagnosedSpread(diagnosed, config.student.width);
  const spreads = [...probed, ...(levels ? [levels] : [])];
  const last = Math.max(...spreads.map(({ step }) => step));
  return spreads.filter(({ step }) => step === last).flatMap((spread) => collapseWarning(spread) ?? [])[0];
}

/** Of the protocol with the best result, the last three results are no better than one before. */
function hasStalled({ evaluations }: LibraryRun): boolean {
  const best = bestProbe(evaluations);
  const same = evaluations.filter((result) => best && sameProbe(result, best)).toSorted((a, b) => a.step - b.step);
  if (same.length < PROBES) return false;
  const earlier = Math.max(...same.slice(0, -3).map(({ top1 }) => top1));
  return same.slice(-3).every(({ top1 }) => top1 <= earlier);
}

function sameProbe(a: RunEvaluation, b: RunEvaluation): boolean {
  return a.protocol === b.protocol && a.subject === b.subject && a.features === b.features && a.layer === b.layer;
}
