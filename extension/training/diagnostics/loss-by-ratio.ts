/** A trained method's own loss at other mask ratios than the one it was trained at, its parameters as they are. */
import { checkMethod } from '../../core/config/check-method';
import { visibleCount } from '../../core/config/keep-count';
import { needsTeacher } from '../../core/config/method-traits';
import { ProblemList } from '../../core/config/problem-list';
import type { MaskingConfig, ResolvedExperiment } from '../../core/config/schema';
import type { Program } from '../engines/engine';
import { lossState } from '../methods/loss-state';
import type { Method } from '../methods/method';

/** 0, 0.1, …, 0.9. */
const RATIOS = Array.from({ length: 10 }, (_, tenth) => tenth / 10);

/**
 * The experiment at every ratio, without drop-path: under random masks, under its own and, where a teacher can be asked,
 * under attentive ones. What no such experiment could be trained with is left out.
 */
export function ratioVariants(experiment: ResolvedExperiment): ResolvedExperiment[] {
  const { method, masking } = experiment;
  const strategies = new Set<MaskingConfig['strategy']>(['random', masking.strategy, ...(needsTeacher(method) ? ['attentive' as const] : [])]);
  // It keeps one patch of four, whatever the ratio.
  strategies.delete('grid');
  return [...strategies].flatMap((strategy) => RATIOS.map((ratio) => withMasking(experiment, strategy, ratio))).filter(isAllowed);
}

/** Readings: `loss`. */
export function lossProgram(method: Method, experiment: ResolvedExperiment, batchSize: number): Program {
  return {
    name: `${method.name} loss`,
    state: lossState(method, experiment),
    constants: method.constants,
    batch: method.batchSpecs(batchSize),
    run: ({ state, constants, batch }) => ({ state: {}, readings: { loss: method.loss(state, batch, { ...constants, ...state }).loss } }),
  };
}

function withMasking(experiment: ResolvedExperiment, strategy: MaskingConfig['strategy'], ratio: number): ResolvedExperiment {
  const { student, decoder, derived } = experiment;
  const masking = { ...experiment.masking, strategy, ratio };
  const predicted = decoder?.kept_mask_ratio;
  return {
    ...experiment,
    student: { ...student, dropPath: 0 },
    masking,
    // Of fewer hidden patches than CrossMAE predicts, all.
    ...(decoder && { decoder: { ...decoder, ...(predicted !== undefined && { kept_mask_ratio: Math.min(predicted, ratio) }) } }),
    derived: { ...derived, keepCount: visibleCount(masking, derived.patchCount) },
  };
}

function isAllowed(experiment: ResolvedExperiment): boolean {
  const problems = new ProblemList('', () => undefined);
  checkMethod(experiment, problems);
  return !problems.hasErrors;
}
