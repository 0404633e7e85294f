/**
 * A method's loss with gradients and the optimizer: the programs the trainer hands to an engine.
 *
 * The state store holds every parameter under its own name, `exp_avg.<name>` and `exp_avg_sq.<name>` for those the
 * loss reads, `ema.<name>` for the student where an average is kept, `grad_sum.<name>` where batches are accumulated. With
 * `engine.precision: float16` it also holds the loss scaling, gradients are of the scaled loss until the optimizer divides them, and a
 * step whose gradients are not finite leaves parameters and moments as they are.
 */
import * as tf from '@tensorflow/tfjs-core';
import { methodTraits } from '../core/config/method-traits';
import type { OptimizerConfig, ResolvedExperiment } from '../core/config/schema';
import type { NamedSpecs, NamedTensors, TensorSpec } from '../core/tensors';
import { float32, specOf } from '../core/tensors';
import type { Precision, Program, ProgramInputs, ProgramOutputs } from './engines/engine';
import type { Method } from './methods/method';
import type { Tensors } from './nn/tensors';
import { tensorOf, withoutPrefix } from './nn/tensors';
import { adamW, adamWStep, onlyIfFinite, type AdamWOptions, type AdamWStep } from './optimizer/adamw';
import { partNorms, partsOf, updateRatios } from './optimizer/gradient-health';
import { clipFactor, globalNorm } from './optimizer/gradient-norm';
import { gradScalerDefaults, initialLossScaling, lossScale, lossScalingReadings, lossScalingSpecs, nextLossScaling, stepsMade, type LossScalingOptions } from './optimizer/loss-scaling';
import { movingAverage } from './optimizer/moving-average';
import { RandomStream } from './random';
import { int8Weights } from './teachers/int8';

const SCALAR: TensorSpec = { shape: [], dtype: 'float32' };

export interface TrainingPrograms {
  /** The whole state store at step 0: parameters drawn from `seed`, moments zero, averages equal to the parameters. */
  initialState(seed: number): NamedTensors;
  /**
   * One optimizer step on one batch. Batch inputs: the method's, `lr`, `step` (1 for the first) and, if an average is
   * kept, `ema_momentum`; all float32 []. Readings: `loss`, `grad_norm` (before clipping), and the method's; with
   * `logging.gradients` also `block_grad_norms` (before clipping) and `block_update_ratios` [depth + 2], see gradient-health.ts; where
   * the loss is scaled, `loss_scale` and `skipped_steps`, see loss-scaling.ts. Absent if batches are accumulated.
   */
  readonly single?: Program;
  /** Adds one micro-batch's share of the mean gradient to `grad_sum.…`. Batch inputs: the method's. Readings: `loss` and the method's. */
  readonly accumulate?: Program;
  /** The optimizer step on the sums, which it sets back to zero. Batch inputs: `lr`, `step`, `ema_momentum`. Readings: `grad_norm` and, where asked for, those by block. */
  readonly update?: Program;
}

export function trainingPrograms(method: Method, experiment: ResolvedExperiment): TrainingPrograms {
  const parts = new StepParts(method, experiment);
  const initialState = (seed: number): NamedTensors => parts.initialState(seed);
  if (experiment.optimizer.accumulate === 1) return { initialState, single: parts.single() };
  return { initialState, accumulate: parts.accumulate(), update: parts.update() };
}

class StepParts {
  private readonly parameters: NamedSpecs;
  /** Parameters with a gradient. */
  private readonly trained: readonly string[];
  /** Parameters of which an average is kept. */
  private readonly averaged: readonly string[];
  private readonly microBatch: number;
  private readonly optimizer: OptimizerConfig;
  /** The loss reads the average: it is its own teacher. */
  private readonly selfTaught: boolean;
  /** The frozen teacher's weights that are of int8. */
  private readonly int8: readonly string[] | undefined;
  /** Of products; of the scaled loss where it is half. */
  private readonly precision: Precision | undefined;
  private readonly scaling: LossScalingOptions | undefined;
  /** Trained parameters by part of the model, where their gradients are recorded. */
  private readonly recordedParts: readonly (readonly string[])[] | undefined;

  constructor(private readonly method: Method, experiment: ResolvedExperiment) {
    this.parameters = method.parameters;
    this.trained = Object.keys(this.parameters).filter((name) => method.reads(name));
    this.selfTaught = experiment.teacher?.ema !== undefined;
    const keepsAverage = this.selfTaught || experiment.optimizer.ema !== undefined;
    this.averaged = keepsAverage ? Object.keys(this.parameters).filter((name) => !name.startsWith('method.')) : [];
    this.microBatch = experiment.derived.microBatch;
    this.optimizer = experiment.optimizer;
    if (experiment.teacher?.dtype === 'int8') this.int8 = int8Weights(method.constants);
    this.precision = experiment.engine.precision;
    if (this.precision === 'float16') this.scaling = gradScalerDefaults;
    const { depth } = experiment.student;
    this.recordedParts = experiment.logging.gradients ? partsOf(this.trained, { depth, masksInput: methodTraits[experiment.method].encoder === 'replaced' }) : undefined;
  }

  initialState(seed: number): NamedTensors {
    const state = this.method.initialise(new RandomStream(seed, 'initialise'));
    for (const name of this.averaged) state[`ema.${name}`] = { ...state[name]!, data: state[name]!.data.slice() };
    for (const name of this.trained) {
      const { shape } = this.parameters[name]!;
      state[`exp_avg.${name}`] = float32(shape);
      state[`exp_avg_sq.${name}`] = float32(shape);
      if (this.optimizer.accumulate > 1) state[`grad_sum.${name}`] = float32(shape);
    }
    return this.scaling ? { ...state, ...initialLossScaling(this.scaling) } : state;
  }

  single(): Program {
    return {
      name: `${this.method.name} step`,
      state: { ...this.optimizerState(), ...this.teacherState(), ...this.averageState(), ...this.heldState(), ...this.scalingState() },
      constants: this.method.constants,
      int8: this.int8,
      precision: this.precision,
      batch: { ...this.method.batchSpecs(this.microBatch), ...this.optimizerBatch() },
      run: (inputs) => {
        const { gradients, readings } = this.lossAndGradients(inputs, 1);
        const { state, readings: updateReadings } = this.applyOptimizer(inputs, gradients);
        return { state, readings: { ...readings, ...updateReadings } };
      },
    };
  }

  accumulate(): Program {
    return {
      name: `${this.method.name} accumulate`,
      state: { ...this.specsOf(this.trained), ...this.specsOf(this.trained, 'grad_sum.'), ...this.teacherState(), ...this.heldState(), ...this.scalingState() },
      constants: this.method.constants,
      int8: this.int8,
      precision: this.precision,
      batch: this.method.batchSpecs(this.microBatch),
      run: (inputs) => {
        const { gradients, readings } = this.lossAndGradients(inputs, 1 / this.optimizer.accumulate);
        const state: Record<string, tf.Tensor> = {};
        for (const name of this.trained) state[`grad_sum.${name}`] = tf.add(tensorOf(inputs.state, `grad_sum.${name}`), tensorOf(gradients, name));
        return { state, readings };
      },
    };
  }

  update(): Program {
    return {
      name: `${this.method.name} update`,
      state: { ...this.optimizerState(), ...this.specsOf(this.trained, 'grad_sum.'), ...this.averageState(), ...this.scalingState() },
      constants: {},
      batch: this.optimizerBatch(),
      run: (inputs) => {
        const { state, readings } = this.applyOptimizer(inputs, withoutPrefix(inputs.state, 'grad_sum.'));
        for (const name of this.trained) state[`grad_sum.${name}`] = tf.zeros([...this.parameters[name]!.shape]);
        return { state, readings };
      },
    };
  }

  /**
   * @param share factor on the loss before it is differentiated; with 1/A, summing A gradients gives their mean for free
   */
  private lossAndGradients(inputs: ProgramInputs, share: number): { gradients: Tensors; readings: Record<string, tf.Tensor> } {
    const parameters = this.trained.map((name) => tensorOf(inputs.state, name));
    let kept: Record<string, tf.Tensor> = {};
    const differentiated = (): tf.Scalar => {
      const { loss, readings } = this.method.loss(inputs.state, inputs.batch, { ...inputs.constants, ...inputs.state });
      // The tape frees what is made under it; readings must outlive it.
      kept = Object.fromEntries(Object.entries({ loss, ...readings }).map(([name, value]) => [name, tf.keep(tf.clone(value))]));
      const shared: tf.Scalar = share === 1 ? loss : tf.mul(loss, share);
      return this.scaling ? tf.mul(shared, lossScale(inputs.state)) : shared;
    };
    const { grads } = tf.engine().gradients(differentiated, parameters, undefined, true);
    const gradients: Record<string, tf.Tensor> = {};
    this.trained.forEach((name, i) => {
      const gradient = grads[i];
      if (!gradient) throw new Error(`The loss of ${this.method.name} does not read "${name}", though the method says so.`);
      gradients[name] = gradient;
    });
    const readings = Object.fromEntries(Object.entries(kept).map(([name, value]) => [name, releasedCopy(value)]));
    return { gradients, readings };
  }

  /** @param summed gradients of the loss, scaled where it is */
  private applyOptimizer({ state, batch }: ProgramInputs, summed: Tensors): ProgramOutputs {
    const { betas, eps, weight_decay: weightDecay, clip_grad: clip } = this.optimizer;
    const gradients = this.unscaled(summed, state);
    const squares = Object.fromEntries(this.trained.map((name) => [name, tf.square(tensorOf(gradients, name))]));
    const norm = globalNorm(Object.values(squares));
    const finite = this.scaling && tf.isFinite(norm);
    const orZeros = (gradient: tf.Tensor): tf.Tensor => (finite ? tf.where(finite, gradient, 0) : gradient);
    const stepOf = this.adamWSteps(batch, state, { betas, eps, weightDecay }, finite);
    const factor = clip === undefined ? undefined : clipFactor(norm, clip);
    const squaredFactor = factor && tf.square(factor);
    const next: Record<string, tf.Tensor> = {};
    for (const name of this.trained) {
      const entry = { parameter: tensorOf(state, name), expAvg: tensorOf(state, `exp_avg.${name}`), expAvgSq: tensorOf(state, `exp_avg_sq.${name}`) };
      const gradient = tensorOf(gradients, name);
      const clipped = factor ? tf.mul(gradient, factor) : gradient;
      const square = squaredFactor ? tf.mul(tensorOf(squares, name), squaredFactor) : tensorOf(squares, name);
      const updated = adamW(entry, orZeros(clipped), orZeros(square), stepOf(name), this.method.decays(name, this.parameters[name]!.shape));
      next[name] = updated.parameter;
      next[`exp_avg.${name}`] = updated.expAvg;
      next[`exp_avg_sq.${name}`] = updated.expAvgSq;
    }
    for (const name of this.averagedAndTrained()) {
      next[`ema.${name}`] = movingAverage(tensorOf(state, `ema.${name}`), next[name]!, tensorOf(batch, 'ema_momentum'));
    }
    const scaling = this.scaling && finite ? nextLossScaling(state, finite, this.scaling) : {};
    const readings = { grad_norm: norm, ...this.gradientHealth(squares, state, next), ...(this.scaling && lossScalingReadings(scaling)) };
    return { state: { ...next, ...scaling }, readings };
  }

  /** Gradients of the loss itself. Scales are powers of two: dividing by one loses nothing. */
  private unscaled(gradients: Tensors, state: Tensors): Tensors {
    if (!this.scaling) return gradients;
    const inverse = tf.reciprocal(lossScale(state));
    return Object.fromEntries(this.trained.map((name) => [name, tf.mul(tensorOf(gradients, name), inverse)]));
  }

  private gradientHealth(squares: Tensors, before: Tensors, after: Tensors): Record<string, tf.Tensor> {
    const parts = this.recordedParts;
    return parts ? { block_grad_norms: partNorms(parts, squares), block_update_ratios: updateRatios(parts, before, after) } : {};
  }

  /** The optimizer's scalars, once for each share of the learning rate. @param finite whether the step is made; absent: it always is */
  private adamWSteps(batch: Tensors, state: Tensors, options: AdamWOptions, finite: tf.Tensor | undefined): (name: string) => AdamWStep {
    const [rate, tried] = [tensorOf(batch, 'lr'), tensorOf(batch, 'step')];
    const step = finite ? stepsMade(state, tried) : tried;
    const stepAt = (ownRate: tf.Tensor): AdamWStep => {
      const made = adamWStep(options, ownRate, step);
      return finite ? onlyIfFinite(finite, made) : made;
    };
    const scaleOf = (name: string): number => this.method.lrScale?.(name) ?? 1;
    const scales = new Set(this.trained.map(scaleOf));
    const steps = new Map([...scales].map((scale) => [scale, stepAt(scale === 1 ? rate : tf.mul(rate, scale))]));
    return (name) => steps.get(scaleOf(name))!;
  }

  /** An untrained parameter's average never changes. */
  private averagedAndTrained(): string[] {
    return this.averaged.filter((name) => this.trained.includes(name));
  }

  private specsOf(names: readonly string[], prefix = ''): NamedSpecs {
    return Object.fromEntries(names.map((name) => [prefix + name, specOf(this.parameters[name]!)]));
  }

  private optimizerState(): NamedSpecs {
    return { ...this.specsOf(this.trained), ...this.specsOf(this.trained, 'exp_avg.'), ...this.specsOf(this.trained, 'exp_avg_sq.') };
  }

  /** What the loss of a self-taught student may read of the average, also where it never changes. */
  private teacherState(): NamedSpecs {
    return this.selfTaught ? this.specsOf(this.averaged, 'ema.') : {};
  }

  private heldState(): NamedSpecs {
    return this.specsOf(this.method.held ?? []);
  }

  private averageState(): NamedSpecs {
    return this.specsOf(this.averagedAndTrained(), 'ema.');
  }

  private scalingState(): NamedSpecs {
    return this.scaling ? lossScalingSpecs : {};
  }

  private optimizerBatch(): NamedSpecs {
    return { lr: SCALAR, step: SCALAR, ...(this.averaged.length > 0 ? { ema_momentum: SCALAR } : {}) };
  }
}

/** A copy that the surrounding tidy manages; the kept original is freed. */
function releasedCopy(kept: tf.Tensor): tf.Tensor {
  const copy = tf.clone(kept);
  kept.dispose();
  return copy;
}
