/** Learning rate and averaging momentum at each optimizer step. */
import type { ResolvedExperiment } from '../core/config/schema';

export interface LearningRateSchedule {
  readonly peak: number;
  readonly minimum: number;
  readonly epochs: number;
  readonly warmupEpochs: number;
  readonly stepsPerEpoch: number;
}

export function learningRateSchedule(experiment: ResolvedExperiment, stepsPerEpoch: number): LearningRateSchedule {
  const { epochs, warmup_epochs: warmupEpochs, min_lr: minimum } = experiment.schedule;
  return { peak: experiment.derived.learningRate, minimum, epochs, warmupEpochs, stepsPerEpoch };
}

/**
 * The official per-iteration schedule: linear warm-up from 0, then a half-cosine to the minimum.
 * @param stepsDone optimizer steps before this one, so the first step of a warm-up has rate 0, as in the official code
 */
export function learningRate(stepsDone: number, { peak, minimum, epochs, warmupEpochs, stepsPerEpoch }: LearningRateSchedule): number {
  const epoch = stepsDone / stepsPerEpoch;
  if (epoch < warmupEpochs) return (peak * epoch) / warmupEpochs;
  const progress = epoch < epochs ? (epoch - warmupEpochs) / (epochs - warmupEpochs) : 1;
  return minimum + (peak - minimum) * 0.5 * (1 + Math.cos(Math.PI * progress));
}

/**
 * Momentum of the student's moving average at a step, the batch input `ema_momentum`; undefined if none is kept.
 * A self-teacher's rises from `momentum` to `momentum_end`, on a half-cosine (as in DINO and BYOL) or on a line (as in I-JEPA); `optimizer.ema` is constant.
 * @param totalSteps steps of the whole schedule
 */
export function emaMomentum(stepsDone: number, totalSteps: number, experiment: ResolvedExperiment): number | undefined {
  const teacher = experiment.teacher?.ema;
  if (!teacher) return experiment.optimizer.ema;
  const progress = Math.min(1, stepsDone / totalSteps);
  if (teacher.schedule === 'linear') return teacher.momentum + (teacher.momentum_end - teacher.momentum) * progress;
  return teacher.momentum_end - (teacher.momentum_end - teacher.momentum) * 0.5 * (1 + Math.cos(Math.PI * progress));
}
