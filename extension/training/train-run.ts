/** Trains in a run directory: builds what the loop needs, keeps its status true whatever happens. */
import { firstLossLevel } from '../core/config/levels';
import type { RunDirectory } from '../core/runs/run-directory';
import type { NamedTensors } from '../core/tensors';
import { AlignmentLog } from './alignment-log';
import type { TrainerState } from './checkpoint-state';
import { ImageLoader } from './data/loader';
import { Agreement } from './distributed/agreement';
import type { Ranks } from './distributed/ranks';
import { sharedLoaderOptions } from './distributed/shared-loader';
import { SharedStep, spreadState, trainedNames } from './distributed/shared-step';
import { EarlyWarnings } from './early-warnings';
import type { Engine } from './engines/engine';
import type { TrainingEvents, TrainingOutcome } from './events';
import { explainGpuFailure } from './gpu-failure';
import type { Prepared } from './prepare';
import { RunDiagnostics } from './run-diagnostics';
import { RunEvaluations } from './run-evaluations';
import { RunSamples } from './samples';
import { saveCheckpoint } from './save-checkpoint';
import { createStagedSteps } from './staged-steps';
import { TeacherCache } from './teacher-cache';
import type { StepRunner } from './step-runner';
import { trainingPrograms } from './step';
import type { StopSignal } from './stop-signal';
import { Throughput } from './throughput';
import { train } from './trainer';

/** Where a training starts. */
export interface StartingPoint {
  /** Steps done. */
  readonly step: number;
  /** The whole state store; absent at the very beginning. */
  readonly values?: NamedTensors;
  /** At the very beginning: tensors in place of random ones, a student's or a codebook. */
  readonly given?: NamedTensors;
  readonly throughput?: TrainerState['throughput'];
}

export interface RunTraining {
  readonly run: RunDirectory;
  readonly prepared: Prepared;
  readonly engine: Engine;
  readonly events: TrainingEvents;
  readonly signal: StopSignal;
  readonly start: StartingPoint;
  /** Epochs after which to end as if asked to; absent: all. */
  readonly untilEpoch?: number;
  /** Printed and logged before the first step. */
  readonly summary: readonly string[];
  /** Those that train along, of which this process is the one that leads. */
  readonly ranks?: Ranks;
}

/** The caller holds the run. */
export async function trainRun(task: RunTraining): Promise<TrainingOutcome> {
  const { run, start, events, summary } = task;
  try {
    await run.truncateMetricsAfter(start.step);
    const { experiment } = task.prepared;
    if (experiment.logging.tensorboard) await run.showInTensorBoard(start.step, firstLossLevel(experiment));
    await run.writeStatus({ state: 'running', message: undefined });
    for (const line of summary) await run.log(line);
    events.onStart?.(summary, run.path);
    return await trainAndProbe(task);
  } catch (cause) {
    const error = await explainGpuFailure(cause, run, task.prepared.experiment);
    const message = error instanceof Error ? error.message : String(error);
    await run.writeStatus({ state: 'failed', message }).catch(() => undefined);
    await run.log(`failed: ${error instanceof Error ? (error.stack ?? message) : message}`).catch(() => undefined);
    throw error;
  }
}

async function trainAndProbe(task: RunTraining): Promise<TrainingOutcome> {
  const { run, prepared, engine, start, signal, ranks } = task;
  const { experiment, timeline, method } = prepared;
  const programs = trainingPrograms(method, experiment);
  const { events, warnings } = await watchedEvents(task);
  const throughput = new Throughput(start.throughput);
  const evaluations = new RunEvaluations(task, programs, events);
  await evaluations.recall(start.step);
  const shared = ranks && new SharedStep(ranks, experiment.optimizer.accumulate, trainedNames(programs));
  const teacherCache = await TeacherCache.open(prepared, engine, (line) => events.onMessage?.(line));
  const loader = new ImageLoader(prepared.train, {
    ...(ranks && shared ? sharedLoaderOptions(experiment, ranks, shared) : { config: experiment.data, batchSize: experiment.optimizer.batch_size, seed: experiment.seed }),
    ...teacherCache?.loaderOptions,
    onUnreadable: (name, reason) => events.onMessage?.(`Unreadable image, another takes its place: ${name} (${reason})`),
  });
  const state = engine.createState(start.values ?? startingFrom(start.given, programs.initialState(experiment.seed)));
  let steps: StepRunner | undefined;
  try {
    loader.begin(start.step);
    if (ranks) await spreadState(ranks, state, trainedNames(programs));
    steps = await createStagedSteps(engine, prepared, start.step, { shared, teacherCache });
    const alignment = new AlignmentLog(run, state, timeline.totalSteps);
    const samples = new RunSamples(task, state, events);
    const diagnostics = new RunDiagnostics(task, state, events, (found) => warnings.diagnosed(found));
    if (start.step === 0) {
      const draw = async (): Promise<void> => {
        await alignment.record(0, true);
        await samples.due(0);
        await diagnostics.due(0);
      };
      await together(saveCheckpoint(task, state, 0, throughput), draw());
    }
    const end = await train(
      {
        experiment, run, timeline, loader, steps, state, throughput, events, signal,
        agreement: ranks && new Agreement(ranks, signal, state, trainedNames(programs)),
        save: (step) => saveCheckpoint(task, state, step, throughput),
        observe: async (step, saved) => {
          await alignment.record(step, saved);
          await samples.due(step);
        },
        recorded: (record) => warnings.recorded(record),
        evaluate: async (step) => {
          await diagnostics.due(step);
          await evaluations.due(state, step);
        },
      },
      start.step,
      task.untilEpoch,
    );
    if (end.state === 'finished') await evaluations.baselines();
    const finalState = signal.requested ? 'stopped' : end.state;
    await run.writeStatus({ state: finalState, step: end.step, message: finalState === 'stopped' ? signal.why : undefined });
    await run.log(`${finalState} after ${end.step} steps`);
    return { run: run.path, state: finalState, steps: end.step, imagesPerSecond: throughput.mean, seconds: throughput.totals.seconds, evaluations: evaluations.results };
  } finally {
    await Promise.allSettled([steps?.dispose(), loader.close(), teacherCache?.close(), evaluations.close()]);
    state.dispose();
  }
}
/** Averages begin equal to what they average. */
function startingFrom(given: NamedTensors | undefined, initial: NamedTensors): NamedTensors {
  const values = { ...initial };
  for (const [name, tensor] of Object.entries(given ?? {})) {
    values[name] = tensor;
    if (Object.hasOwn(initial, `ema.${name}`)) values[`ema.${name}`] = { ...tensor, data: tensor.data.slice() };
  }
  return values;
}

/** Logged, and with warnings of what goes wrong. */
async function watchedEvents(task: RunTraining): Promise<{ events: TrainingEvents; warnings: EarlyWarnings }> {
  const logged = loggedEvents(task);
  const warnings = new EarlyWarnings(task.prepared.experiment, (line) => logged.onMessage?.(line));
  if (task.start.step > 0) warnings.recall(await task.run.readMetrics());
  const onEvaluation: TrainingEvents['onEvaluation'] = (result) => {
    logged.onEvaluation?.(result);
    warnings.evaluated(result);
  };
  return { events: { ...logged, onEvaluation }, warnings };
}

/** What is said to the person is also in the run's log. */
function loggedEvents({ run, events }: RunTraining): TrainingEvents {
  const log = (line: string): void => void run.log(line).catch(() => undefined);
  return {
    ...events,
    onMessage: (line) => {
      log(line);
      events.onMessage?.(line);
    },
    onEvaluation: (result) => {
      log(`${result.subject} ${result.protocol} (${result.features}) at step ${result.step}: top-1 ${result.top1}`);
      events.onEvaluation?.(result);
    },
  };
}

/** Waits for all of them, also where one fails: nothing may write to a run that was given back. */
async function together(...work: readonly Promise<void>[]): Promise<void> {
  const ended = await Promise.allSettled(work);
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
}
