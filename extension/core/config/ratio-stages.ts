/**
 * A mask ratio that changes over a training. A compiled step has a fixed number of visible patches, so it changes in stages of
 * equal length, from `masking.ratio` in the first to `masking.ratio_end` in the last.
 */
import { visibleCount } from './keep-count';
import type { MaskingConfig, ResolvedExperiment } from './schema';

/** Where `masking.ratio_stages` is not written. */
export const DEFAULT_RATIO_STAGES = 5;

/** Ratios are compared and shown: 0.6, not 0.6000000000000001. */
const DECIMALS = 1e6;

/** One a stage; a single one where the ratio does not change. */
export function stageRatios({ ratio, ratio_end: end, ratio_stages: stages = DEFAULT_RATIO_STAGES }: MaskingConfig): number[] {
  if (end === undefined || end === ratio) return [ratio];
  return Array.from({ length: stages }, (_, stage) => Math.round((ratio + ((end - ratio) * stage) / (stages - 1)) * DECIMALS) / DECIMALS);
}

/** The same experiment with a ratio that stays. */
export function atRatio(resolved: ResolvedExperiment, ratio: number): ResolvedExperiment {
  const { ratio_end: _end, ratio_stages: _stages, ...unchanging } = resolved.masking;
  const masking = { ...unchanging, ratio };
  return { ...resolved, masking, derived: { ...resolved.derived, keepCount: visibleCount(masking, resolved.derived.patchCount, resolved.method) } };
}

export interface RatioStage {
  /** Steps done where it begins. */
  readonly fromStep: number;
  readonly experiment: ResolvedExperiment;
}

/** At least one, by their beginnings. @param scheduledSteps of the whole schedule, also where the training is cut short */
export function ratioStages(resolved: ResolvedExperiment, scheduledSteps: number): readonly RatioStage[] {
  const ratios = stageRatios(resolved.masking);
  if (ratios.length === 1) return [{ fromStep: 0, experiment: resolved }];
  return ratios.map((ratio, stage) => ({ fromStep: Math.round((stage * scheduledSteps) / ratios.length), experiment: atRatio(resolved, ratio) }));
}
