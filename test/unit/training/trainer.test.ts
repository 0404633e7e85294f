import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { float32 } from '../../../extension/core/tensors';
import { ImageLoader } from '../../../extension/training/data/loader';
import { openImageSource } from '../../../extension/training/data/open-source';
import type { StateStore } from '../../../extension/training/engines/engine';
import { saveCheckpoint } from '../../../extension/training/save-checkpoint';
import type { StepReadings } from '../../../extension/training/step-runner';
import { StopSignal } from '../../../extension/training/stop-signal';
import { Throughput } from '../../../extension/training/throughput';
import { timelineOf } from '../../../extension/training/timeline';
import { train, type Training, type TrainingEnd } from '../../../extension/training/trainer';
import { resolvedOf } from '../config/experiment-of';

const small = ['data: { kind: shapes, size: 80, image_size: 16 }', 'student: { patch_size: 4, width: 16, depth: 2, heads: 2 }', 'teacher: { ema: {} }', 'masking: { ratio: 0.5 }'];
const experiment = resolvedOf(
  ...small,
  'optimizer: { batch_size: 8, lr: 1e-3 }',
  'schedule: { epochs: 3 }',
  'checkpoints: { every: 1 }',
  'evaluate: [{ protocol: knn, every: 2, at: end }]',
);
const unusedState = {} as StateStore;

let folder: string;
let run: RunDirectory;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-trainer-'));
  run = await RunDirectory.create(folder, 'run', { resolvedYaml: '', sourceYaml: '', environment: {} });
  await run.lock();
});
afterEach(async () => {
  await run.close();
  await rm(folder, { recursive: true, force: true });
});

interface Trial {
  readonly end: TrainingEnd;
  readonly saved: number[];
  readonly evaluated: number[];
  /** Steps handed over together. */
  readonly groups: number[][];
}

interface Script {
  readonly fromStep?: number;
  /** What a step says of itself. */
  readonly reading?: (step: number) => Partial<StepReadings>;
  /** Called with the steps done, before they are recorded. */
  readonly onSteps?: (step: number, signal: StopSignal) => void;
  readonly logEvery?: number;
}

async function trial({ fromStep = 0, reading = () => ({}), onSteps, logEvery = 1 }: Script): Promise<Trial> {
  const source = await openImageSource(experiment.data, 'train', 0);
  const loader = new ImageLoader(source, { config: experiment.data, batchSize: 8, seed: 0 });
  const signal = new StopSignal();
  const saved: number[] = [];
  const evaluated: number[] = [];
  const groups: number[][] = [];
  const training: Training = {
    experiment: { ...experiment, log_every: logEvery },
    run,
    timeline: timelineOf(experiment, source.length),
    loader,
    steps: {
      run: (_state, batches) => {
        const steps = batches.map(({ step }) => step + 1);
        groups.push(steps);
        onSteps?.(steps.at(-1)!, signal);
        return Promise.resolve(steps.map((step): StepReadings => ({ step, loss: 1 / step, learningRate: 1e-3, metrics: { grad_norm: 1 }, ...reading(step) })));
      },
      dispose: () => Promise.resolve(),
    },
    state: unusedState,
    throughput: new Throughput(),
    events: {},
    signal,
    save: (step) => Promise.resolve(void saved.push(step)),
    evaluate: (step) => Promise.resolve(void evaluated.push(step)),
  };
  try {
    return { end: await train(training, fromStep), saved, evaluated, groups };
  } finally {
    await loader.close();
  }
}

const recordedSteps = async (): Promise<unknown[]> => (await run.readMetrics()).map((record) => record['step']);

describe('the training loop', () => {
  test('runs every step once, saves when due, looks for evaluations after each pause', async () => {
    const { end, saved, groups } = await trial({});
    expect(end).toEqual({ state: 'finished', step: 30 });
    expect(groups.flat()).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(saved).toEqual([10, 20, 30]);
    expect(await recordedSteps()).toEqual(groups.flat());
  });

  test('never hands over steps across a checkpoint, and at most as many as the engine takes', async () => {
    const { groups } = await trial({});
    for (const group of groups) {
      expect(group.length).toBeLessThanOrEqual(experiment.engine.steps_per_run);
      expect(group.slice(0, -1).some((step) => step % 10 === 0)).toBe(false);
    }
  });

  test('a stop saves the step it has reached and leaves the evaluation for later', async () => {
    const { end, saved, evaluated } = await trial({ onSteps: (step, signal) => step >= 13 && signal.request('test') });
    expect(end.state).toBe('stopped');
    expect(end.step).toBeGreaterThanOrEqual(13);
    expect(saved.at(-1)).toBe(end.step);
    expect(evaluated).not.toContain(end.step);
  });

  test('a stop asked for before the first step trains nothing', async () => {
    await run.requestStop();
    const { end, saved } = await trial({});
    expect(end.state).toBe('stopped');
    expect(saved).toEqual([end.step]);
    expect(end.step).toBeLessThanOrEqual(experiment.engine.steps_per_run);
  });

  test('a checkpoint asked for is saved and the run goes on', async () => {
    let asked = false;
    const { end, saved } = await trial({
      onSteps: (step) => {
        if (step < 14 || asked) return;
        asked = true;
        void run.requestCheckpoint();
      },
    });
    expect(end.state).toBe('finished');
    expect(saved.length).toBe(4);
  });

  test('what was due when the run was interrupted comes first on resuming', async () => {
    const { evaluated, groups } = await trial({ fromStep: 20 });
    expect(evaluated[0]).toBe(20);
    expect(groups.flat()[0]).toBe(21);
  });

  test('a run resumed at its last step only evaluates', async () => {
    const { end, evaluated, groups } = await trial({ fromStep: 30 });
    expect(end).toEqual({ state: 'finished', step: 30 });
    expect(evaluated).toEqual([30]);
    expect(groups).toEqual([]);
  });

  test('log_every thins the records but keeps the last', async () => {
    await trial({ logEvery: 7 });
    expect(await recordedSteps()).toEqual([7, 14, 21, 28, 30]);
  });

  test.each([
    ['loss', { loss: Number.NaN }, 'The loss became NaN at step 17.'],
    ['gradient', { metrics: { grad_norm: Number.POSITIVE_INFINITY } }, 'The gradient norm became Infinity at step 17.'],
  ])('a %s that is not finite ends it, tells the step and saves nothing after it', async (_name, poison, message) => {
    const saved: number[] = [];
    const failing = trial({ reading: (step) => (step === 17 ? poison : {}), onSteps: (step) => void saved.push(step) });
    await expect(failing).rejects.toMatchObject({ name: 'UserError', message });
    expect(Math.max(...saved)).toBeLessThan(21);
    expect((await recordedSteps()).at(-1)).toBe(16);
  });
});

describe('a loss that is scaled', () => {
  const skipping = (scaleAt: (step: number) => number) => trial({ reading: (step) => ({ metrics: { loss_scale: scaleAt(step), skipped_steps: step } }) });

  test('goes on over steps whose gradients overflowed, which have no norm', async () => {
    expect((await skipping(() => 32768)).end).toEqual({ state: 'finished', step: 30 });
    expect((await run.readMetrics())[0]).toMatchObject({ loss_scale: 32768, skipped_steps: 1 });
  });

  test('ends where no scale is small enough', async () => {
    await expect(skipping((step) => 2 ** -step)).rejects.toMatchObject({ name: 'UserError', code: 'MIM8001', message: expect.stringMatching(/^The gradients overflow whatever the loss is scaled by \(0.000488\d* now\) at step 11\.$/) as string });
  });
});

describe('saving', () => {
  test('parameters that are not finite are refused; the checkpoint before stays the newest', async () => {
    const timeline = timelineOf(experiment, 80);
    const task = { run, prepared: { experiment, timeline }, engine: { kind: 'test', threads: 1 } } as unknown as Parameters<typeof saveCheckpoint>[0];
    const holding = (value: number): StateStore => ({ read: () => Promise.resolve({ 'norm.bias': float32([1], Float32Array.of(value)) }) }) as unknown as StateStore;
    await saveCheckpoint(task, holding(1), 10, new Throughput());
    await expect(saveCheckpoint(task, holding(Number.NaN), 20, new Throughput())).rejects.toMatchObject({ name: 'UserError', message: expect.stringContaining('norm.bias') as string });
    expect((await run.latestGoodCheckpoint())?.step).toBe(10);
  });
});
