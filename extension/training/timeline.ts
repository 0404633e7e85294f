/**
 * At which steps something besides training happens. All of it is a pure function of the experiment, so a resumed
 * run saves and evaluates at the same steps as an uninterrupted one.
 */
import { stepCounts } from '../core/config/summary';
import type { EvaluationConfig, ResolvedExperiment } from '../core/config/schema';

export interface Timeline {
  readonly stepsPerEpoch: number;
  /** Steps of the whole schedule, which the learning rate follows. */
  readonly scheduledSteps: number;
  /** Steps after which this run ends: `schedule.max_steps` may cut it short. */
  readonly totalSteps: number;
  /** Steps after which so many epochs are done; at least one, at most all. */
  stepsIn(epochs: number): number;
  /** Whether a checkpoint is due once `step` steps are done. */
  savesAfter(step: number): boolean;
  /** The evaluations due once `step` steps are done: at every multiple of `every`, and at the last step those `at: end`. */
  evaluationsAfter(step: number): readonly EvaluationConfig[];
  /** Whether diagnostics are due once `step` steps are done: at the start, at the end, and at every multiple of `diagnostics.every`. */
  diagnosesAfter(step: number): boolean;
  /** The next step, past `step`, after which the loop must look up from the engine. */
  nextPause(step: number): number;
}

/** Steps at multiples of `epochs` epochs, rounded to whole steps, at least one apart. */
function everySteps(epochs: number, stepsPerEpoch: number): number {
  return Math.max(1, Math.round(epochs * stepsPerEpoch));
}

export function timelineOf(experiment: ResolvedExperiment, imageCount: number): Timeline {
  const { perEpoch: stepsPerEpoch, scheduled: scheduledSteps, total: totalSteps } = stepCounts(experiment, imageCount);
  const saveEvery = everySteps(experiment.checkpoints.every, stepsPerEpoch);
  const evaluations = experiment.evaluate.map((config) => ({
    config,
    every: config.every === undefined ? undefined : everySteps(config.every, stepsPerEpoch),
  }));
  const { diagnostics } = experiment;
  const diagnoseEvery = diagnostics && diagnostics.every > 0 ? everySteps(diagnostics.every, stepsPerEpoch) : undefined;
  const periods = [saveEvery, ...evaluations.flatMap(({ every }) => every ?? []), ...(diagnoseEvery === undefined ? [] : [diagnoseEvery])];
  return {
    stepsPerEpoch,
    scheduledSteps,
    totalSteps,
    stepsIn: (epochs) => Math.min(totalSteps, everySteps(epochs, stepsPerEpoch)),
    savesAfter: (step) => step === totalSteps || step % saveEvery === 0,
    evaluationsAfter: (step) =>
      evaluations
        .filter(({ config, every }) => (step === totalSteps && config.at === 'end') || (every !== undefined && step % every === 0))
        .map(({ config }) => config),
    diagnosesAfter: (step) => diagnostics !== undefined && (step === 0 || step === totalSteps || (diagnoseEvery !== undefined && step % diagnoseEvery === 0)),
    nextPause: (step) => Math.min(totalSteps, ...periods.map((period) => (Math.floor(step / period) + 1) * period)),
  };
}
