/** Steps equal those of an independent PyTorch implementation run in float64 (fixtures/reference.py). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NamedTensors } from '../../extension/core/tensors';
import { createEngine } from '../../extension/training/engines/create';
import type { Engine, Readings } from '../../extension/training/engines/engine';
import { trainingPrograms } from '../../extension/training/step';
import type { ParityCase } from './parity-case';
import { deviation, expectedTensors, parityBatch, parityCases, parityExperiment, parityMethod, parityParameters, sliceBatch, withPrefix } from './parity-case';

interface Trajectory {
  readonly losses: number[];
  readonly readings: Readings[];
  readonly gradients: NamedTensors;
  readonly parameters: NamedTensors;
}

async function train(engine: Engine, parityCase: ParityCase): Promise<Trajectory> {
  const resolved = parityExperiment(parityCase);
  const method = parityMethod(parityCase, resolved);
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
    const batch = parityBatch(parityCase, step);
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

/** After one step from zero the first moment is (1 − β₁) times the (clipped) gradient. */
function firstGradients(state: NamedTensors, beta1: number): NamedTensors {
  const prefix = 'exp_avg.';
  return Object.fromEntries(
    Object.entries(state)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), { ...tensor, data: Float32Array.from(tensor.data, (value) => value / (1 - beta1)) }]),
  );
}

describe.each(['tfjs-cpu', 'compiled-cpu'] as const)('on %s', (kind) => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await createEngine({ kind, threads: 1 }));
  });
  afterAll(() => engine.dispose());

  it.each(parityCases.map((parityCase) => [parityCase.name, parityCase] as const))('%s trains as in PyTorch', async (name, parityCase) => {
    const { losses, readings, gradients, parameters } = await train(engine, parityCase);
    const expected = await expectedTensors(name);

    losses.forEach((loss, step) => expect(Math.abs(loss / parityCase.losses[step]! - 1), `loss of step ${step}`).toBeLessThan(step === 0 ? 1e-6 : 1e-5));
    parityCase.grad_norms.forEach((norm, step) => expect(readings[step]!['grad_norm']!.data[0]! / norm).toBeCloseTo(1, 4));
    parityCase.level_losses?.forEach((levels, step) => {
      const actual = readings[step]!['level_losses'];
      if (actual) levels.forEach((level, k) => expect(actual.data[k]! / level).toBeCloseTo(1, 4));
    });
    parityCase.level_cosines?.forEach((levels, step) => {
      const actual = readings[step]!['level_cosines'];
      if (actual) levels.forEach((cosine, k) => expect(actual.data[k]).toBeCloseTo(cosine, 5));
    });
    parityCase.accuracies?.forEach((accuracy, step) => expect(readings[step]!['accuracy']!.data[0]).toBeCloseTo(accuracy, 6));
    parityCase.cosines?.forEach((cosine, step) => expect(readings[step]!['cosine']!.data[0]).toBeCloseTo(cosine, 5));
    const keepIds = readings[0]!['keepIds'];
    if (expected['keepIds'] && keepIds) expect(Array.from(keepIds.data)).toEqual(Array.from(expected['keepIds'].data));

    expect(withPrefix(expected, 'grad.').map(([parameter]) => parameter).filter((parameter) => !gradients[parameter])).toEqual([]);
    for (const [parameter, gradient] of withPrefix(expected, 'grad.')) {
      expect(deviation(parameter, gradients[parameter]!, gradient), `gradient of ${parameter}`).toBeLessThan(1e-4);
    }
    for (const [parameter, value] of withPrefix(expected, 'param.')) {
      expect(deviation(parameter, parameters[parameter]!, value), `${parameter} after the steps`).toBeLessThan(2e-5);
    }
    for (const [parameter, value] of withPrefix(expected, 'ema.')) {
      expect(deviation(parameter, parameters[`ema.${parameter}`]!, value), `average of ${parameter}`).toBeLessThan(2e-5);
    }
  });
});
