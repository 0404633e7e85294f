/** A parity case trained on an engine: what it saw, for the tests and for the measurement on a GPU. */
import type { NamedTensors } from '../../extension/core/tensors';
import type { BatchSpecs, Engine, HostBatch, Precision, Readings } from '../../extension/training/engines/engine';
import { lookingProgram } from '../../extension/training/looking-program';
import type { Looking, Method } from '../../extension/training/methods/method';
import { trainingPrograms } from '../../extension/training/step';
import type { ParityCase } from './parity-case';
import { parityBatch, parityExperiment, parityMethod, parityParameters, sliceBatch } from './parity-case';

export interface Trajectory {
  readonly losses: number[];
  readonly readings: Readings[];
  readonly gradients: NamedTensors;
  readonly parameters: NamedTensors;
}

/** Whether the teacher is asked in the step or, as for a cache, before it. */
export type Asked = 'in the step' | 'before';

export interface TrainOptions {
  readonly asked?: Asked;
  readonly precision?: Precision;
}

export async function train(engine: Engine, parityCase: ParityCase, { asked = 'in the step', precision = 'float32' }: TrainOptions = {}): Promise<Trajectory> {
  const fixed = parityExperiment(parityCase);
  const resolved = { ...fixed, engine: { ...fixed.engine, precision } };
  const whole = parityMethod(parityCase, resolved);
  const method = asked === 'before' ? inFloats(whole.looking!.method) : whole;
  const programs = trainingPrograms(method, resolved);
  const parameters = parityParameters(method);
  const initial = { ...programs.initialState(0), ...parameters };
  for (const name of Object.keys(initial)) if (name.startsWith('ema.')) initial[name] = parameters[name.slice('ema.'.length)]!;
  const state = engine.createState(initial);
  const compiled = await Promise.all([programs.single, programs.accumulate, programs.update].map((program) => program && engine.compile(program)));
  const [single, accumulate, update] = compiled;
  const { batch_size: total, accumulate: parts } = parityCase.optimizer;
  const readings: Readings[] = [];
  const losses: number[] = [];
  let gradients: NamedTensors = {};
  for (let step = 0; step < parityCase.losses.length; step++) {
    const batch = { ...parityBatch(parityCase, step), ...(asked === 'before' ? await looksOf(engine, whole.looking!, parityBatch(parityCase, step)) : {}) };
    if (single) {
      readings.push((await single.run(state, [batch]))[0]!);
      losses.push(readings[step]!['loss']!.data[0]!);
    } else {
      const micro = Array.from({ length: parts }, (_, i) => sliceBatch(batch, total, (i * total) / parts, ((i + 1) * total) / parts));
      const shares = await accumulate!.run(state, micro);
      readings.push((await update!.run(state, [batch]))[0]!);
      losses.push(shares.reduce((sum, share) => sum + share['loss']!.data[0]!, 0) / parts);
    }
    if (step === 0) gradients = firstGradients(await state.read(), resolved.optimizer.betas[0]);
  }
  const final = await state.read();
  state.dispose();
  await Promise.all(compiled.map((program) => program?.dispose()));
  return { losses, readings, gradients, parameters: final };
}

/** Its batch in floats, where a cache has halves: rounded features do not train as PyTorch does. */
function inFloats(method: Method): Method {
  const batchSpecs = (microBatch: number): BatchSpecs => Object.fromEntries(Object.entries(method.batchSpecs(microBatch)).map(([name, { shape, dtype }]) => [name, { shape, dtype: dtype === 'float16' ? 'float32' : dtype }]));
  return Object.assign(Object.create(method) as Method, { batchSpecs });
}

async function looksOf(engine: Engine, looking: Looking, { images }: HostBatch): Promise<Readings> {
  const program = await engine.compile(lookingProgram(looking, images!.shape));
  const none = engine.createState({});
  const [readings] = await program.run(none, [{ images: images! }]);
  await program.dispose();
  none.dispose();
  return readings!;
}

/** After one step from zero the first moment is (1 − β₁) times the (clipped) gradient. */
function firstGradients(state: NamedTensors, beta1: number): NamedTensors {
  const prefix = 'exp_avg.';
  return Object.fromEntries(
    Object.entries(state)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), { ...tensor, data: Float32Array.from(tensor.data, (value) => value / (1 - beta1)) }]),
  );
}
