/** Steps with a scaled loss against PyTorch's GradScaler, clipping and AdamW (fixtures/loss_scaling.py), gradients that overflow among them. */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { float32, type NamedTensors } from '../../extension/core/tensors';
import { createEngine } from '../../extension/training/engines/create';
import type { HostBatch, Program, Readings } from '../../extension/training/engines/engine';
import type { Method } from '../../extension/training/methods/method';
import { trainingPrograms } from '../../extension/training/step';
import { nativeHere } from '../native-here';
import { experiment, scalar } from '../unit/model/experiments';

interface Fixture {
  readonly options: { readonly lr: number; readonly betas: [number, number]; readonly eps: number; readonly weight_decay: number; readonly clip_grad: number };
  readonly start: { readonly scale: number; readonly growth_tracker: number; readonly weight: number[] };
  readonly steps: readonly { readonly batch: (number | string)[][]; readonly grad_norm: number | null; readonly scale: number; readonly growth_tracker: number; readonly weight: number[]; readonly exp_avg: number[]; readonly exp_avg_sq: number[] }[];
}

const { options: { lr, ...options }, start, steps } = JSON.parse(readFileSync(new URL('./fixtures/loss_scaling.json', import.meta.url), 'utf8')) as Fixture;
const BATCH = steps[0]!.batch.length;
const WIDTH = start.weight.length;

/** The loss is the mean of each example's product with the parameter, so that a batch's rows are its gradients. */
const linear: Method = {
  name: 'linear',
  parameters: { weight: { shape: [WIDTH], dtype: 'float32' } },
  initialise: () => ({ weight: float32([WIDTH], Float32Array.from(start.weight)) }),
  decays: () => true,
  reads: () => true,
  constants: {},
  batchSpecs: (batch) => ({ rows: { shape: [batch, WIDTH], dtype: 'float32' } }),
  draw: () => ({}),
  loss: ({ weight }, { rows }) => ({ loss: tf.mean(tf.sum(tf.mul(rows!, weight!), 1)), readings: {} }),
};

const rowsOf = (values: (number | string)[][]): HostBatch => ({ rows: float32([values.length, WIDTH], Float32Array.from(values.flat().map((value) => Number(String(value).replace(/inf$/, 'Infinity'))))) });

async function replay(accumulate: 1 | 2, kind: 'tfjs-cpu' | 'compiled-cpu' | 'native'): Promise<{ readings: Readings; state: NamedTensors }[]> {
  const { engine } = await createEngine({ kind, threads: 1 });
  const resolved = experiment({ method: 'simmim', optimizer: { ...options, batch_size: BATCH, accumulate } });
  const programs = trainingPrograms(linear, { ...resolved, engine: { ...resolved.engine, precision: 'float16' } });
  // Scaling is not bound to half precision, which these engines do not compute.
  const compiled = (program: Program | undefined) => program && engine.compile({ ...program, precision: 'float32' });
  const [single, part, update] = await Promise.all([programs.single, programs.accumulate, programs.update].map(compiled));
  const state = engine.createState({ ...programs.initialState(0), 'loss_scaling.scale': scalar(start.scale), 'loss_scaling.good_steps': scalar(start.growth_tracker) });
  const trail = [];
  for (const [i, { batch }] of steps.entries()) {
    const inputs = { lr: scalar(lr), step: scalar(i + 1) };
    if (!single) await part!.run(state, batch.map((row) => rowsOf([row])));
    const [readings] = single ? await single.run(state, [{ ...rowsOf(batch), ...inputs }]) : await update!.run(state, [inputs]);
    trail.push({ readings: readings!, state: await state.read() });
  }
  await engine.dispose();
  return trail;
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[], what: string): void {
  const scale = Math.max(...expected.map(Math.abs));
  expected.forEach((value, i) => expect(Math.abs(actual[i]! - value) / scale, `${what} ${i}`).toBeLessThan(2e-6));
}

describe.each(['tfjs-cpu', 'compiled-cpu', ...nativeHere] as const)('on %s', (kind) => {
  it.each([1, 2] as const)('batches in %i parts', async (accumulate) => {
    const trail = await replay(accumulate, kind);
    let skipped = 0;
    for (const [i, expected] of steps.entries()) {
      const { readings, state } = trail[i]!;
      const number = (name: string): number => state[`loss_scaling.${name}`]!.data[0]!;
      if (expected.grad_norm === null) skipped++;
      expect([number('scale'), number('good_steps'), number('skipped_steps')], `step ${i}`).toEqual([expected.scale, expected.growth_tracker, skipped]);
      expect([readings['loss_scale']!.data[0], readings['skipped_steps']!.data[0]]).toEqual([expected.scale, skipped]);
      if (expected.grad_norm === null) expect(Number.isFinite(readings['grad_norm']!.data[0])).toBe(false);
      else expect(readings['grad_norm']!.data[0]! / expected.grad_norm).toBeCloseTo(1, 5);
      for (const [name, value] of Object.entries({ weight: expected.weight, 'exp_avg.weight': expected.exp_avg, 'exp_avg_sq.weight': expected.exp_avg_sq })) expectClose(state[name]!.data, value, `${name} after step ${i}`);
    }
    expect(skipped).toBe(3);
  });
});
