/**
 * What a training costs here, measured: a few real steps, a real checkpoint, one batch of a probe's features. Nothing
 * is left behind.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Origin } from '../core/config/blame';
import type { ResolvedExperiment } from '../core/config/schema';
import { RunDirectory } from '../core/runs/run-directory';
import type { Calibration } from './calibration';
import { ImageLoader, type TrainBatch } from './data/loader';
import { createEngine, trainingEngine } from './engines/create';
import type { Engine, StateStore } from './engines/engine';
import { studentFeatureProgram } from './evaluation/encoders';
import { runEncoder } from './evaluation/features';
import { prepare, type Prepared } from './prepare';
import { saveCheckpoint } from './save-checkpoint';
import { createStepRunner, type StepReadings, type StepRunner } from './step-runner';
import { trainingPrograms } from './step';
import { Throughput } from './throughput';
import { metricsRecord } from './trainer';

/** Runs of the engine that are timed, at least and at most; between them, until so many seconds have passed. */
const MIN_RUNS = 2;
const MAX_RUNS = 20;
const SECONDS = 1;

/** Images whose features are computed to time one. */
const FEATURE_BATCH = 128;

/** @throws as `prepare`, with the places of `origin`; UserError where no engine starts */
export async function calibrate(resolved: ResolvedExperiment, origin: Origin): Promise<Calibration> {
  const started = performance.now();
  const prepared = await prepare(resolved, origin);
  const { engine } = await createEngine(trainingEngine(prepared.experiment));
  try {
    return await measure(prepared, engine, started);
  } finally {
    await engine.dispose();
  }
}

async function measure(prepared: Prepared, engine: Engine, started: number): Promise<Calibration> {
  const { experiment, train, test, method, timeline } = prepared;
  const programs = trainingPrograms(method, experiment);
  const loader = new ImageLoader(train, { config: experiment.data, batchSize: experiment.optimizer.batch_size, seed: experiment.seed });
  const state = engine.createState(programs.initialState(experiment.seed));
  let steps: StepRunner | undefined;
  try {
    steps = await createStepRunner(engine, programs, method, experiment, timeline);
    const batches = loader.trainBatches(0, Number.MAX_SAFE_INTEGER);
    const [first] = await steps.run(state, await take(batches, 1));
    const startSeconds = secondsSince(started);
    const secondsPerStep = await timeSteps(steps, state, batches, experiment.engine.steps_per_run);
    await batches.return(undefined);
    return {
      images: train.length,
      ...(test && { testImages: test.length, secondsPerFeature: await timeFeatures(prepared, engine, state) }),
      startSeconds,
      secondsPerStep,
      ...(await measureCheckpoint(prepared, engine, state)),
      bytesPerRecord: recordBytes(first!, prepared),
    };
  } finally {
    await Promise.allSettled([steps?.dispose(), loader.close()]);
    state.dispose();
  }
}

/** With as many steps at once as training hands over; waiting for images counts, as it does there. */
async function timeSteps(steps: StepRunner, state: StateStore, batches: AsyncGenerator<TrainBatch>, atOnce: number): Promise<number> {
  const started = performance.now();
  let runs = 0;
  while (runs < MIN_RUNS || (runs < MAX_RUNS && secondsSince(started) < SECONDS)) {
    await steps.run(state, await take(batches, atOnce));
    runs++;
  }
  return secondsSince(started) / (runs * atOnce);
}

/** Seconds for the features of one image of a probe; the first batch, which also compiles, is not counted. */
async function timeFeatures({ experiment, train }: Prepared, engine: Engine, state: StateStore): Promise<number> {
  const loader = new ImageLoader(train, { config: experiment.data, batchSize: Math.min(FEATURE_BATCH, train.length), seed: experiment.seed });
  const compiled = await engine.compile(studentFeatureProgram(experiment.student, FEATURE_BATCH, ''));
  try {
    const pass = async (): Promise<void> => {
      const { images, labels } = await loader.batch(0, 0);
      await runEncoder(compiled, state, once({ images, labels }), () => undefined, { kinds: ['cls'] });
    };
    await pass();
    const started = performance.now();
    await pass();
    return secondsSince(started) / Math.min(FEATURE_BATCH, train.length);
  } finally {
    await Promise.allSettled([compiled.dispose(), loader.close()]);
  }
}

async function measureCheckpoint(prepared: Prepared, engine: Engine, state: StateStore): Promise<Pick<Calibration, 'checkpointBytes' | 'checkpointSeconds'>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'mim-calibration-'));
  try {
    const run = await RunDirectory.create(folder, 'measured', { resolvedYaml: '', sourceYaml: '', environment: {} });
    const started = performance.now();
    await saveCheckpoint({ run, prepared, engine }, state, 0, new Throughput());
    const checkpointSeconds = secondsSince(started);
    const [saved] = await run.listCheckpoints();
    await run.close();
    return { checkpointSeconds, checkpointBytes: Object.values(saved!.files).reduce((sum, { bytes }) => sum + bytes, 0) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function recordBytes(reading: StepReadings, { timeline }: Prepared): number {
  return Buffer.byteLength(JSON.stringify(metricsRecord(reading, timeline, new Throughput()))) + 1;
}

async function take<Item>(items: AsyncGenerator<Item>, count: number): Promise<Item[]> {
  const taken: Item[] = [];
  while (taken.length < count) {
    const next = await items.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

async function* once<Item>(item: Item): AsyncGenerator<Item> {
  yield await Promise.resolve(item);
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
