/** Early warnings, few and plain: a NaN, divergence, a plateau, a loss that falls while the probe stalls. */
import { bestProbe } from '../runs/run-report';
import type { LibraryRun, RunEvaluation } from '../library/library-run';
import type { RunKey } from '../protocol/dashboard';
import { lossTrend } from '../series/loss-trend';
import type { SelectedRun } from './selected-run';

/** Fewer probes cannot tell a stall from chance. */
const PROBES = 4;

export function runWarnings({ run, series }: SelectedRun): { readonly run: RunKey; readonly text: string }[] {
  const texts: string[] = [];
  const trend = lossTrend(series.store);
  if (series.problem !== undefined) texts.push(series.problem);
  if (trend?.brokenStep !== undefined) texts.push(`The loss is not a number at step ${trend.brokenStep}.`);
  if (trend && trend.now > 2 * trend.lowest) texts.push(`The loss diverges: ${figure(trend.now)} now, ${figure(trend.lowest)} at its lowest.`);
  else if (trend?.isFlat && run.state === 'running') texts.push(`The loss has fallen by less than 0.5 % over the last third of ${series.store.records} records.`);
  if (trend && trend.now < 0.98 * trend.middle && hasStalled(run)) texts.push('The loss falls, but the probe has not improved over its last three results.');
  return texts.map((text) => ({ run: run.key, text }));
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

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}
