/** Trains in a run directory: locks it, builds what the loop needs, keeps its status true whatever happens. */
import { plainVit } from '../core/checkpoints/teacher-shape';
import { vitMetadata } from '../core/checkpoints/vit-metadata';
import type { EvaluationConfig } from '../core/config/schema';
import type { RunDirectory } from '../core/runs/run-directory';
import type { NamedTensors } from '../core/tensors';
import { splitState, type TrainerState } from './checkpoint-state';
import { ImageLoader } from './data/loader';
import type { Engine, StateStore } from './engines/engine';
import type { TrainingEvents, TrainingOutcome } from './events';
import { keepAlive } from './keep-alive';
import { sinCosPositions } from './nn/positions';
import type { Prepared } from './prepare';
import { Probes } from './probes';
import { presetOf, recordedResults, recordResults, resultName, type ProbeResult, type ProbeSubject } from './probe-results';
import { createStepRunner } from './step-runner';
import { trainingPrograms, type TrainingPrograms } from './step';
import type { StopSignal } from './stop-signal';
import { Throughput } from './throughput';
import { train } from './trainer';

/** Where a training starts. */
export interface StartingPoint {
  /** Steps done. */
  readonly step: number;
  /** The whole state store; absent at the very beginning. */
  readonly values?: NamedTensors;
  readonly throughput?: TrainerState['throughput'];
}

export interface RunTraining {
  readonly run: RunDirectory;
  readonly prepared: Prepared;
  readonly engine: Engine;
  readonly events: TrainingEvents;
  readonly signal: StopSignal;
  readonly start: StartingPoint;
  /** Printed and logged before the first step. */
  readonly summary: readonly string[];
}

export async function trainRun(task: RunTraining): Promise<TrainingOutcome> {
  const { run, start, events, summary } = task;
  await run.lock();
  const stopBeating = keepAlive(run);
  try {
    await run.truncateMetricsAfter(start.step);
    await run.writeStatus({ state: 'running', message: undefined });
    for (const line of summary) await run.log(line);
    events.onStart?.(summary, run.path);
    return await trainAndProbe(task);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await run.writeStatus({ state: 'failed', message }).catch(() => undefined);
    await run.log(`failed: ${error instanceof Error ? (error.stack ?? message) : message}`).catch(() => undefined);
    throw error;
  } finally {
    stopBeating();
    await run.close();
  }
}

async function trainAndProbe(task: RunTraining): Promise<TrainingOutcome> {
  const { run, prepared, engine, start, signal } = task;
  const { experiment, timeline, method } = prepared;
  const programs = trainingPrograms(method, experiment);
  const events = loggedEvents(task);
  const state = engine.createState(start.values ?? programs.initialState(experiment.seed));
  const loader = new ImageLoader(prepared.train, {
    config: experiment.data,
    batchSize: experiment.optimizer.batch_size,
    seed: experiment.seed,
    onUnreadable: (name, reason) => events.onMessage?.(`Unreadable image, another takes its place: ${name} (${reason})`),
  });
  const probes = prepared.test && new Probes({ engine, experiment, train: prepared.train, test: prepared.test, onProgress: events.onEvaluationProgress });
  const steps = await createStepRunner(engine, programs, method, experiment, timeline);
  const throughput = new Throughput(start.throughput);
  const keepsAverage = experiment.optimizer.ema !== undefined || experiment.teacher?.ema !== undefined;
  const results = await recordedResults(run, start.step);
  const keep = async (found: readonly ProbeResult[]): Promise<void> => {
    await recordResults(run, found);
    results.push(...found);
    for (const result of found) events.onEvaluation?.(result);
  };
  try {
    if (start.step === 0) await save(task, state, 0, throughput);
    const end = await train(
      {
        experiment, run, timeline, loader, steps, state, throughput, events, signal,
        save: (step) => save(task, state, step, throughput),
        evaluate: async (step) => {
          const due = timeline.evaluationsAfter(step);
          const ofStudent = pending(due, 'student', step, results);
          const ofAverage = keepsAverage ? pending(due, 'ema-student', step, results) : [];
          if (probes && ofStudent.length > 0) await keep(await probes.student(state, step, ofStudent));
          if (probes && ofAverage.length > 0) await keep(await probes.averagedStudent(state, step, ofAverage));
        },
      },
      start.step,
    );
    if (probes && end.state === 'finished') await keep(await baselines(probes, task, programs, results));
    await run.writeStatus({ state: end.state, message: end.state === 'stopped' ? signal.why || 'asked to stop' : undefined });
    await run.log(`${end.state} after ${end.step} steps`);
    return { run: run.path, state: end.state, steps: end.step, imagesPerSecond: throughput.mean, seconds: throughput.totals.seconds, evaluations: results };
  } finally {
    await steps.dispose();
    await loader.close();
    await probes?.close();
    state.dispose();
  }
}

/** The untrained student and the teacher under the same protocols: without them a probe's figure says little. */
async function baselines(probes: Probes, { prepared }: RunTraining, programs: TrainingPrograms, done: readonly ProbeResult[]): Promise<ProbeResult[]> {
  const { experiment, teacher } = prepared;
  const wanted = withoutRepeats(experiment.evaluate.filter((evaluation) => evaluation.baselines));
  const ofRandom = pending(wanted, 'random', 0, done);
  const ofTeacher = teacher ? pending(wanted, 'teacher', 0, done) : [];
  return [
    ...(ofRandom.length > 0 ? await probes.random(splitState(programs.initialState(experiment.seed)).model, ofRandom) : []),
    ...(ofTeacher.length > 0 ? await probes.frozen('teacher', teacher!, 0, ofTeacher) : []),
  ];
}

/** The same protocol may be asked for both along the way and at the end. */
function withoutRepeats(evaluations: readonly EvaluationConfig[]): EvaluationConfig[] {
  return [...new Map(evaluations.map((config) => [nameOf(config, 'student'), config])).values()];
}

/** Those not run yet. */
function pending(evaluations: readonly EvaluationConfig[], subject: ProbeSubject, step: number, done: readonly ProbeResult[]): EvaluationConfig[] {
  const finished = new Set(done.filter((result) => result.step === step).map((result) => resultName(result, result.subject)));
  return withoutRepeats(evaluations).filter((config) => !finished.has(nameOf(config, subject)));
}

function nameOf(config: EvaluationConfig, subject: ProbeSubject): string {
  return resultName({ protocol: config.protocol, preset: presetOf(config), features: config.features }, subject);
}

async function save({ run, prepared, engine }: RunTraining, state: StateStore, step: number, throughput: Throughput): Promise<void> {
  const { experiment, timeline } = prepared;
  const { model, method, state: optimizer } = splitState(await state.read());
  const { student, data } = experiment;
  const stateJson: TrainerState = {
    step,
    seed: experiment.seed,
    sampler: { epoch: Math.floor(step / timeline.stepsPerEpoch), batch: step % timeline.stepsPerEpoch },
    engine: engine.kind,
    threads: engine.threads,
    throughput: throughput.totals,
  };
  await run.saveCheckpoint({
    step,
    epoch: step / timeline.stepsPerEpoch,
    // The fixed positions travel along: readers of timm files expect them.
    model: { ...model, pos_embed: sinCosPositions(student.width, student.imageSize / student.patchSize) },
    method,
    state: optimizer,
    stateJson,
    metadata: vitMetadata(plainVit(student, data.mean, data.std)),
  });
  await run.pruneCheckpoints({ newest: 2, everyEpochs: experiment.checkpoints.keep_every });
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
