/**
 * From loaded images to the engine's batches and back to readings: draws, learning rate, accumulation.
 *
 * What a step draws depends on (seed, step, micro-batch) alone, so it is the same after a resume.
 */
import type { ResolvedExperiment } from '../core/config/schema';
import { elementCount, float32, int32, type HalfTensor, type HostTensor } from '../core/tensors';
import type { TrainBatch } from './data/loader';
import type { SharedStep } from './distributed/shared-step';
import type { CompiledProgram, Engine, HostBatch, Readings, StateStore } from './engines/engine';
import type { Method } from './methods/method';
import { drawStream } from './random';
import { emaMomentum, learningRate, learningRateSchedule, type LearningRateSchedule } from './schedule';
import type { TrainingPrograms } from './step';
import type { Timeline } from './timeline';

/** What one optimizer step said of itself. */
export interface StepReadings {
  /** Steps done, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Whatever else the method reads off, ready for metrics.jsonl: numbers, or short lists of them. */
  readonly metrics: Readonly<Record<string, number | number[]>>;
}

export interface StepRunner {
  /** One optimizer step for each batch, in order. */
  run(state: StateStore, batches: readonly TrainBatch[]): Promise<StepReadings[]>;
  dispose(): Promise<void>;
}

/** @param shared where several ranks share each batch, which is then accumulated */
export async function createStepRunner(engine: Engine, programs: TrainingPrograms, method: Method, experiment: ResolvedExperiment, timeline: Timeline, shared?: SharedStep): Promise<StepRunner> {
  const inputs = new StepInputs(method, experiment, timeline);
  if (programs.single) return new SingleRunner(await engine.compile(programs.single), inputs);
  return new AccumulatingRunner(await engine.compile(programs.accumulate!), await engine.compile(programs.update!), inputs, shared);
}

/** Makes the inputs of programs. `step` counts from 0 here: steps done before this one. */
class StepInputs {
  readonly accumulate: number;
  private readonly microBatch: number;
  private readonly rates: LearningRateSchedule;

  constructor(
    private readonly method: Method,
    private readonly experiment: ResolvedExperiment,
    private readonly timeline: Timeline,
  ) {
    this.accumulate = experiment.optimizer.accumulate;
    this.microBatch = experiment.derived.microBatch;
    this.rates = learningRateSchedule(experiment, timeline.stepsPerEpoch);
  }

  learningRate(step: number): number {
    return learningRate(step, this.rates);
  }

  /**
   * Inputs of the loss for one micro-batch of a step.
   * @param part which of the micro-batches in `batch`
   * @param firstPart how many of the step's micro-batches come before those in `batch`
   */
  forLoss(batch: TrainBatch, part: number, firstPart = 0): HostBatch {
    const size = this.microBatch;
    const specs = this.method.batchSpecs(size);
    const pixels = batch.images.length / batch.labels.length;
    const random = drawStream(this.experiment.seed, batch.step, firstPart + part);
    const labels = specs['labels'] && { labels: int32([size], batch.labels.slice(part * size, (part + 1) * size)) };
    const read = Object.entries(batch.looks ?? {}).filter(([name]) => name in specs);
    const looks = read.map(([name, values]): [string, HostTensor | HalfTensor] => {
      const { shape } = specs[name]!;
      const [from, to] = [part * elementCount(shape), (part + 1) * elementCount(shape)];
      return [name, values instanceof Uint16Array ? { shape, dtype: 'float16', data: values.subarray(from, to) } : float32(shape, values.subarray(from, to))];
    });
    return {
      ...Object.fromEntries(looks),
      images: float32(specs['images']!.shape, batch.images.subarray(part * size * pixels, (part + 1) * size * pixels)),
      ...labels,
      ...this.method.draw(random, size),
    };
  }

  /** Inputs of the optimizer. */
  forOptimizer(step: number): Record<string, HostTensor> {
    const momentum = emaMomentum(step, this.timeline.scheduledSteps, this.experiment);
    return {
      lr: scalar(this.learningRate(step)),
      step: scalar(step + 1),
      ...(momentum === undefined ? {} : { ema_momentum: scalar(momentum) }),
    };
  }
}

class SingleRunner implements StepRunner {
  constructor(
    private readonly program: CompiledProgram,
    private readonly inputs: StepInputs,
  ) {}

  async run(state: StateStore, batches: readonly TrainBatch[]): Promise<StepReadings[]> {
    const feeds = batches.map((batch): HostBatch => ({ ...this.inputs.forLoss(batch, 0), ...this.inputs.forOptimizer(batch.step) }));
    const readings = await this.program.run(state, feeds);
    return readings.map((reading, i) => toStepReadings(batches[i]!.step, this.inputs, [metricsOf(reading)], reading));
  }

  dispose(): Promise<void> {
    return this.program.dispose();
  }
}

class AccumulatingRunner implements StepRunner {
  constructor(
    private readonly accumulate: CompiledProgram,
    private readonly update: CompiledProgram,
    private readonly inputs: StepInputs,
    private readonly shared: SharedStep | undefined,
  ) {}

  async run(state: StateStore, batches: readonly TrainBatch[]): Promise<StepReadings[]> {
    const { firstPart, parts: ownParts } = this.shared?.share ?? { firstPart: 0, parts: this.inputs.accumulate };
    const results: StepReadings[] = [];
    for (const batch of batches) {
      const parts: Readings[] = [];
      // One by one: together they would need the memory that accumulation is there to save.
      for (let part = 0; part < ownParts; part++) parts.push(...(await this.accumulate.run(state, [this.inputs.forLoss(batch, part, firstPart)])).map(metricsOf));
      await this.shared?.sumGradients(state);
      const [updated] = await this.update.run(state, [this.inputs.forOptimizer(batch.step)]);
      results.push(toStepReadings(batch.step, this.inputs, this.shared?.gatherReadings(parts) ?? parts, updated!));
    }
    return results;
  }

  async dispose(): Promise<void> {
    await this.accumulate.dispose();
    await this.update.dispose();
  }
}

/** Readings longer than this are pictures (masks, scores), not metrics. */
const LONGEST_METRIC = 256;

/** What a step that was not made, for its gradients overflowed, has nothing to say of. */
const OF_GRADIENTS = ['grad_norm', 'block_grad_norms', 'block_update_ratios'];
/** What the optimizer says, of the whole batch. */
const OF_UPDATE = [...OF_GRADIENTS, 'loss_scale', 'skipped_steps'];

/** Without masks and scores, which are large. */
function metricsOf(readings: Readings): Readings {
  return Object.fromEntries(Object.entries(readings).filter(([name, { data }]) => name !== 'keepIds' && name !== 'scores' && data.length <= LONGEST_METRIC));
}

/** Means over the micro-batches, and what the optimizer says. */
function toStepReadings(step: number, inputs: StepInputs, parts: readonly Readings[], updated: Readings): StepReadings {
  const metrics: Record<string, number | number[]> = {};
  for (const [name, { shape, data }] of Object.entries(parts[0]!)) {
    if (name === 'loss') continue;
    const mean = Array.from(data, (_, i) => parts.reduce((sum, part) => sum + part[name]!.data[i]!, 0) / parts.length);
    metrics[name] = shape.length === 0 ? mean[0]! : mean;
  }
  for (const name of OF_UPDATE) {
    const reading = updated[name];
    if (reading) metrics[name] = reading.shape.length === 0 ? reading.data[0]! : Array.from(reading.data);
  }
  if (overflowed(updated)) for (const name of OF_GRADIENTS) delete metrics[name];
  const loss = parts.reduce((sum, part) => sum + part['loss']!.data[0]!, 0) / parts.length;
  return { step: step + 1, loss, learningRate: inputs.learningRate(step), metrics };
}

/** Where the loss is scaled, a smaller scale mends that; elsewhere it is the training's end. */
function overflowed({ grad_norm: norm, loss_scale: scale }: Readings): boolean {
  return scale !== undefined && norm !== undefined && !Number.isFinite(norm.data[0]);
}

function scalar(value: number): HostTensor {
  return float32([], Float32Array.of(value));
}
