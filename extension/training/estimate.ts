/** Time and disk of a run from what a few steps of it cost: arithmetic alone. */
import type { EvaluationConfig, ResolvedExperiment } from '../core/config/schema';
import { gmacPerImage } from '../core/config/cost';
import { prunable } from '../core/runs/prune-checkpoints';
import type { Calibration } from './calibration';
import { fineTuneRecipe } from './finetune/recipe';
import { timelineOf, type Timeline } from './timeline';

export interface RunEstimate {
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  /** GMAC of the whole training; evaluations are left out. */
  readonly gmac: number;
  /** Starting, training and saving. */
  readonly trainingSeconds: number;
  /** Of the features that probes read, and of fine-tuning; fitting the probes is left out. */
  readonly featureSeconds: number;
  /** What stays on disk: checkpoints by the policy of the run, and its metrics. */
  readonly bytes: number;
}

/** @param measured of the same shape, or of another, brought to this one by {@link scaled} */
export function estimateRun(experiment: ResolvedExperiment, measured: Calibration): RunEstimate {
  const timeline = timelineOf(experiment, measured.images);
  const steps = timeline.totalSteps;
  const saves = savedSteps(timeline);
  return {
    steps,
    gmac: steps * experiment.optimizer.batch_size * gmacPerImage(experiment).step,
    trainingSeconds: measured.startSeconds + steps * measured.secondsPerStep + saves.length * measured.checkpointSeconds,
    featureSeconds: evaluatedImages(experiment, timeline, measured) * (measured.secondsPerFeature ?? 0),
    bytes: keptCount(saves, experiment, timeline) * measured.checkpointBytes + Math.floor(steps / experiment.log_every) * measured.bytesPerRecord,
  };
}

/** A measure of another shape, with the time of a step in the proportion of the multiply-accumulates. */
export function scaled(measured: Calibration, of: ResolvedExperiment, to: ResolvedExperiment): Calibration {
  return { ...measured, secondsPerStep: (measured.secondsPerStep * gmacPerStep(to)) / gmacPerStep(of) };
}

export function gmacPerStep(experiment: ResolvedExperiment): number {
  return experiment.optimizer.batch_size * gmacPerImage(experiment).step;
}

/** Steps after which a checkpoint is written; the first before any. */
function savedSteps(timeline: Timeline): number[] {
  const saved = [0];
  for (let step = timeline.nextPause(0); ; step = timeline.nextPause(step)) {
    if (timeline.savesAfter(step)) saved.push(step);
    if (step >= timeline.totalSteps) return saved;
  }
}

function keptCount(saved: readonly number[], { checkpoints }: ResolvedExperiment, { stepsPerEpoch }: Timeline): number {
  const infos = saved.map((step, index) => ({ path: '', step, epoch: step / stepsPerEpoch, createdAt: String(index).padStart(9, '0'), files: {} }));
  return infos.length - prunable(infos, { newest: 2, everyEpochs: checkpoints.keep_every }).length;
}

/**
 * Images through the encoder for evaluations, of the student, its average and the baselines at the end: probes share a pass each due
 * time; fine-tuning is a training of its own, whose backward pass counts as two.
 */
function evaluatedImages(experiment: ResolvedExperiment, timeline: Timeline, measured: Calibration): number {
  const { evaluate, teacher, optimizer } = experiment;
  const read = (evaluations: readonly EvaluationConfig[]): number => imagesRead(evaluations, experiment, measured);
  const subjects = optimizer.ema !== undefined || teacher?.ema !== undefined ? 2 : 1;
  let images = (teacher?.checkpoint === undefined ? 1 : 2) * read(evaluate.filter(({ baselines }) => baselines));
  for (let step = timeline.nextPause(0); ; step = timeline.nextPause(step)) {
    images += subjects * read(timeline.evaluationsAfter(step));
    if (step >= timeline.totalSteps) return images;
  }
}

function imagesRead(evaluations: readonly EvaluationConfig[], experiment: ResolvedExperiment, { images, testImages = 0 }: Calibration): number {
  const tuned = evaluations.filter(({ protocol }) => protocol === 'finetune');
  const epochs = tuned.reduce((sum, config) => sum + fineTuneRecipe(config, experiment, images).epochs, 0);
  return (tuned.length < evaluations.length ? images + testImages : 0) + epochs * (3 * images + testImages);
}
