import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NamedTensors } from '../../../extension/core/tensors';
import { CompiledEngine } from '../../../extension/training/engines/compiled/compiled-engine';
import { trace } from '../../../extension/training/engines/compiled/trace';
import { validate } from '../../../extension/training/engines/compiled/validate';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import { momentumBatch, momentumProgram, momentumState } from './small-programs';

function expectClose(actual: NamedTensors, expected: NamedTensors): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) {
    expect(actual[name]!.shape).toEqual(value.shape);
    value.data.forEach((x, i) => expect(actual[name]!.data[i]).toBeCloseTo(x, 5));
  }
}

describe('compiled engine', () => {
  let engine: CompiledEngine;
  beforeAll(() => {
    engine = CompiledEngine.create({ threads: 1 });
  });

  it('computes what the eager engine computes', async () => {
    const eager = await EagerEngine.create('cpu');
    const batches = [1, 2, 3].map(momentumBatch);
    const states = [engine.createState(momentumState()), eager.createState(momentumState())];
    const [compiled, reference] = [await engine.compile(momentumProgram()), await eager.compile(momentumProgram())];
    const actual = await compiled.run(states[0]!, batches);
    const expected = await reference.run(states[1]!, batches);
    actual.forEach((readings, i) => expectClose(readings, expected[i]!));
    expectClose(await states[0]!.read(), await states[1]!.read());
  });

  it('gives the same bits however the steps are grouped, and every time', async () => {
    const program = await engine.compile(momentumProgram());
    const batches = [1, 2, 3, 4, 5].map(momentumBatch);
    const runs = await Promise.all(
      [[5], [1, 1, 1, 1, 1], [2, 3], [5]].map(async (groups) => {
        const state = engine.createState(momentumState());
        const readings = [];
        let next = 0;
        for (const count of groups) {
          readings.push(...(await program.run(state, batches.slice(next, next + count))));
          next += count;
        }
        return { readings, state: await state.read() };
      }),
    );
    for (const run of runs) expect(run).toEqual(runs[0]);
  });

  it('leaves no tensors behind in TensorFlow.js', async () => {
    await engine.compile(momentumProgram());
    const before = tf.memory().numTensors;
    await engine.compile(momentumProgram());
    expect(tf.memory().numTensors).toBe(before);
  });

  it('says which kernel cannot be compiled', () => {
    const program = { ...momentumProgram(), run: () => ({ state: {}, readings: { x: tf.sinh(tf.tensor1d([1])) } }) };
    expect(() => trace(program)).toThrow(/kernel Sinh/);
    expect(() => trace(momentumProgram())).not.toThrow();
  });

  it('says so when a program depends on values', () => {
    const program = { ...momentumProgram(), run: ({ batch }: { batch: Record<string, tf.Tensor> }) => ({ state: {}, readings: { x: tf.scalar(batch.lr!.dataSync()[0]!) } }) };
    expect(() => trace(program as never)).toThrow(/read the value of a tensor/);
  });

  it('traces valid graphs', () => validate(trace(momentumProgram())));
});
