/** What should worry whoever trains, in plain sentences: the dashboard shows them, and a training tells them itself. */
import type { ResolvedExperiment } from '../config/schema';
import type { Diagnostics } from '../runs/diagnostics';
import { lossTrend, type LossTrend } from './loss-trend';
import type { SeriesStore } from './series-store';

export interface EarlyWarning {
  readonly kind: 'broken' | 'diverges' | 'stuck' | 'collapsed';
  readonly text: string;
}

/** As a share of the lowest. */
const DIVERGED = 2;

/**
 * E[2·SmoothL1(e)] of e from N(0, 1): what predicting 0 gives against whitened targets, and so what MaskAlign's loss stays at
 * while nothing is learnt: erf(1/√2) − 2φ(1) from below 1, and 4φ(1) − (1 − erf(1/√2)) from beyond it, φ the density.
 */
const NOTHING_LEARNT = 0.8493;
const NEAR = 0.02;

/** Of 1/√width, which is healthy. */
const COLLAPSED_STD = 0.01;
const COLLAPSED_RANK = 1.1;

/** @param config absent where it is not known */
export function lossWarnings(store: SeriesStore, config: ResolvedExperiment | undefined, trend: LossTrend | undefined = lossTrend(store)): EarlyWarning[] {
  if (!trend) return [];
  const warnings: EarlyWarning[] = [];
  if (trend.brokenStep !== undefined) warnings.push({ kind: 'broken', text: `The loss is not a number at step ${trend.brokenStep}.` });
  if (trend.now > DIVERGED * trend.lowest) warnings.push({ kind: 'diverges', text: `The loss diverges: ${figure(trend.now)} now, ${figure(trend.lowest)} at its lowest.` });
  if (isStuck(store, config, trend)) warnings.push({ kind: 'stuck', text: `The loss stays near 0.85, which is what predicting nothing gives against whitened targets: ${figure(trend.now)} now.` });
  return warnings;
}

/** Half of what was recorded long, and not in the warm-up, where little is learnt anyway. */
function isStuck(store: SeriesStore, config: ResolvedExperiment | undefined, { now, middle }: LossTrend): boolean {
  if (config?.method !== 'maskalign' || config.alignment.target_norm !== 'whiten' || config.alignment.loss !== 'smooth_l1') return false;
  const pastWarmup = store.epochs[store.bins - 1]! > config.schedule.warmup_epochs;
  return pastWarmup && [now, middle].every((loss) => Math.abs(loss - NOTHING_LEARNT) < NEAR * NOTHING_LEARNT);
}

/** How different the features of different images are. */
export interface Spread {
  readonly step: number;
  /** Whose features: `the features of knn`. */
  readonly of: string;
  readonly width: number;
  readonly collapseStd?: number;
  readonly rankMe?: number;
}

/** Features that hardly differ between images. An untrained student's differ little as well, so step 0 is no collapse. */
export function collapseWarning({ step, of, width, collapseStd, rankMe }: Spread): EarlyWarning | undefined {
  if (step === 0) return undefined;
  const healthy = 1 / Math.sqrt(width);
  const text = (measure: string): EarlyWarning => ({ kind: 'collapsed', text: `${of} collapse at step ${step}: ${measure}.` });
  if (collapseStd !== undefined && collapseStd < COLLAPSED_STD * healthy) return text(`their deviation between images is ${figure(collapseStd)}, near ${figure(healthy)} is healthy`);
  if (rankMe !== undefined && rankMe < COLLAPSED_RANK) return text(`they use ${figure(rankMe)} of ${width} directions (RankMe)`);
  return undefined;
}

/** Of the student's last level. @param width of the student */
export function diagnosedSpread({ step, encoders }: Diagnostics, width: number): Spread | undefined {
  const last = encoders.find(({ subject }) => subject === 'student')?.levels.at(-1);
  return last && { step, of: 'The features of the last block', width, collapseStd: last.collapseStd, rankMe: last.rankMe };
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}
