/**
 * The training loop: take batches, run steps, record what they said, save and probe when due, end cleanly when asked.
 * It knows nothing of methods, file formats or devices beyond their interfaces.
 */
import type { ResolvedExperiment } from '../core/config/schema';
import { UserError } from '../core/problems';
import type { MetricRecord } from '../core/runs/metrics-file';
import type { RunDirectory } from '../core/runs/run-directory';
import type { ImageLoader, TrainBatch } from './data/loader';
import type { Agreement } from './distributed/agreement';
import type { StateStore } from './engines/engine';
import type { StepProgress, TrainingEvents } from './events';
import { Pace } from './pace';
import type { StepReadings, StepRunner } from './step-runner';
import { asFarAs, type StopSignal } from './stop-signal';
import type { Throughput } from './throughput';
import type { Timeline } from './timeline';

export interface Training {
  readonly experiment: ResolvedExperiment;
  readonly run: RunDirectory;
  readonly timeline: Timeline;
  readonly loader: ImageLoader;
  readonly steps: StepRunner;
  readonly state: StateStore;
  readonly throughput: Throughput;
  readonly events: TrainingEvents;
  readonly signal: StopSignal;
  /** Where other ranks train along: they leave, save and go on together. */
  readonly agreement?: Agreement;
  /** Saves the state as it is once `step` steps are done. */
  save(step: number): Promise<void>;
  /** Told after each group of steps, and whether a checkpoint was saved; for records that follow the state. */
  observe?(step: number, saved: boolean): Promise<void>;
  /** Told of each record of the metrics. */
  recorded?(record: MetricRecord): void;
  /** Runs the evaluations and diagnostics that are due once `step` steps are done and have not been run; a stop ends it early. */
  evaluate(step: number): Promise<void>;
}

/** status.json is for onlookers; its writing waits for the disk. */
const STATUS_MS = 1_000;

const MAX_DEAF_SECONDS = 5;

/** How soon a paused training notices that it may go on. */
const PAUSE_LOOK_MS = 500;

const STOP_ASKED = 'asked to stop by a request in the run directory';

export type TrainingEnd = { readonly state: 'finished' | 'stopped'; readonly step: number };

/**
 * Trains from `fromStep` steps done to the end of the timeline, or until the signal asks to stop.
 *
 * @param untilEpoch where it ends before the timeline does, as if asked to stop, but after the evaluations due there
 * @throws UserError MIM8001 on a loss or gradient that is not finite; the last checkpoint stays as it is
 */
export async function train(training: Training, fromStep: number, untilEpoch?: number): Promise<TrainingEnd> {
  const { timeline, loader, signal, run, agreement } = training;
  const { totalSteps } = timeline;
  const lastStep = untilEpoch === undefined ? totalSteps : timeline.stepsIn(untilEpoch);
  const statusPace = new Pace(STATUS_MS);
  let done = fromStep;
  let saved = fromStep;
  let pending: TrainBatch[] = [];
  // What was due when the run was interrupted.
  if (fromStep > 0) await training.evaluate(fromStep);
  // Waiting for images counts as training; saving and evaluating do not.
  let clockStart = performance.now();
  for await (const batch of loader.trainBatches(fromStep, lastStep, () => 1 + stepsAtOnce(training))) {
    if (agreement ? await agreement.stops() : signal.requested) break;
    pending.push(batch);
    const reached = done + pending.length;
    if (pending.length < stepsAtOnce(training) && reached < Math.min(lastStep, timeline.nextPause(done))) continue;
    const progress = await runAndRecord(training, pending, clockStart);
    for (const used of pending) loader.giveBack(used);
    done = reached;
    pending = [];
    if (await run.stopRequested()) signal.request(STOP_ASKED);
    const pauses = done < lastStep && !signal.requested && (await run.pauseRequested());
    const wanted = timeline.savesAfter(done) || done === lastStep || signal.requested || pauses || (await run.takeCheckpointRequest());
    const saves = agreement ? await agreement.saves(wanted) : wanted;
    if (saves) {
      await training.save(done);
      saved = done;
    }
    await training.observe?.(done, saves);
    if (saves || statusPace.due()) await writeProgress(training, progress);
    if (pauses) await waitWhilePaused(training);
    // A stop does not wait for a probe; what is due is made up for on resuming.
    if (!signal.requested) await training.evaluate(done);
    clockStart = performance.now();
  }
  if (saved < done) await training.save(done);
  if (untilEpoch !== undefined && done >= lastStep && done < totalSteps) signal.request(asFarAs(untilEpoch));
  return { state: signal.requested ? 'stopped' : 'finished', step: done };
}

/** Until the request is withdrawn or a stop is asked for. */
async function waitWhilePaused({ run, signal, events }: Training): Promise<void> {
  await run.writeStatus({ state: 'paused' });
  events.onMessage?.('Paused after a checkpoint; `mim continue` goes on.');
  while (!signal.requested && (await run.pauseRequested())) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_LOOK_MS));
    if (await run.stopRequested()) signal.request(STOP_ASKED);
  }
  await run.withdrawPause();
  await run.writeStatus({ state: 'running' });
  if (!signal.requested) events.onMessage?.('Goes on.');
}

/**
 * Steps handed to the engine together. While it computes, this thread hears no signal and no request, so slow
 * steps go one by one; the numbers do not depend on it.
 */
function stepsAtOnce({ experiment, throughput, agreement }: Training): number {
  // Every rank must come to the same number.
  if (agreement) return 1;
  const secondsPerStep = throughput.secondsFor(experiment.optimizer.batch_size);
  if (secondsPerStep === 0) return 1;
  return Math.max(1, Math.min(experiment.engine.steps_per_run, Math.floor(MAX_DEAF_SECONDS / secondsPerStep)));
}

async function writeProgress({ run, timeline, loader }: Training, { step, totalSteps, epoch, loss, imagesPerSecond }: StepProgress): Promise<void> {
  await run.writeStatus({ step, totalSteps, epoch, totalEpochs: totalSteps / timeline.stepsPerEpoch, loss, imagesPerSecond, unreadableImages: loader.unreadableCount });
}

/**
 * Runs the steps of `batches` and writes their records.
 * @param clockStart when the loop began to wait for these batches, as performance.now() tells it
 */
async function runAndRecord(training: Training, batches: readonly TrainBatch[], clockStart: number): Promise<StepProgress> {
  const { experiment, run, throughput, timeline, events } = training;
  const readings = await training.steps.run(training.state, batches);
  throughput.record(batches.length * experiment.optimizer.batch_size, (performance.now() - clockStart) / 1000);
  for (const reading of readings) {
    requireFinite(reading, experiment);
    if (reading.step % experiment.log_every === 0 || reading.step === timeline.totalSteps) {
      const record = metricsRecord(reading, timeline, throughput);
      await run.appendMetrics(record);
      training.recorded?.(record);
    }
  }
  const last = readings.at(-1)!;
  const progress: StepProgress = {
    step: last.step,
    totalSteps: timeline.totalSteps,
    epoch: last.step / timeline.stepsPerEpoch,
    loss: last.loss,
    imagesPerSecond: throughput.current,
    etaSeconds: throughput.secondsFor((timeline.totalSteps - last.step) * experiment.optimizer.batch_size),
    learningRate: last.learningRate,
  };
  events.onStep?.(progress);
  return progress;
}

export function metricsRecord(reading: StepReadings, timeline: Timeline, throughput: Throughput): Record<string, unknown> {
  return {
    step: reading.step,
    epoch: reading.step / timeline.stepsPerEpoch,
    loss: reading.loss,
    lr: reading.learningRate,
    ...reading.metrics,
    images_per_second: Math.round(throughput.current * 100) / 100,
    time: new Date().toISOString(),
  };
}

/** A scale below this one makes no gradient larger: what is not finite then is not so for its sake. */
const LEAST_LOSS_SCALE = 2 ** -10;

function requireFinite({ step, loss, metrics }: StepReadings, { engine }: ResolvedExperiment): void {
  const [norm, scale] = [metrics['grad_norm'], metrics['loss_scale']];
  const exhausted = typeof scale === 'number' && scale < LEAST_LOSS_SCALE;
  if (Number.isFinite(loss) && !exhausted && (typeof norm !== 'number' || Number.isFinite(norm))) return;
  const gradients = exhausted ? `The gradients overflow whatever the loss is scaled by (${scale} now)` : `The gradient norm became ${String(norm)}`;
  const what = Number.isFinite(loss) ? gradients : `The loss became ${loss}`;
  const remedies = ['a lower `optimizer.blr`', 'a longer warm-up', '`optimizer.clip_grad`', ...(engine.precision === 'float16' ? ['`engine.precision: float32`'] : [])];
  throw new UserError(
    'MIM8001',
    `${what} at step ${step}.`,
    `The last checkpoint was saved before that and is good. Resuming would repeat it: start a new run with ${remedies.slice(0, -1).join(', ')} or ${remedies.at(-1)}.`,
  );
}
