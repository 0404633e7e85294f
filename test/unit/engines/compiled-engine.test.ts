import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { stepCase, stepSizes } from '../../../bench/step-case';
import { UserError } from '../../../extension/core/problems';
import type { NamedTensors } from '../../../extension/core/tensors';
import { float32, int32 } from '../../../extension/core/tensors';
import { CompiledEngine } from '../../../extension/training/engines/compiled/compiled-engine';
import { OnnxGraph, writeModel } from '../../../extension/training/engines/compiled/onnx-writer';
import { trace } from '../../../extension/training/engines/compiled/trace';
import { validate } from '../../../extension/training/engines/compiled/validate';
import type { Program } from '../../../extension/training/engines/engine';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import { momentumBatch, momentumProgram, momentumState } from './small-programs';

function expectClose(actual: NamedTensors, expected: NamedTensors): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) {
    expect(actual[name]!.shape).toEqual(value.shape);
    value.data.forEach((x, i) => expect(Math.abs(actual[name]!.data[i]! - x), `${name}[${i}]`).toBeLessThanOrEqual(5e-7 * Math.max(1, Math.abs(x))));
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

  it('shares one state among several programs', async () => {
    const scale: Program = {
      name: 'scale',
      state: { weight: { shape: [2, 3], dtype: 'float32' } },
      constants: {},
      batch: {},
      run: ({ state }) => ({ state: { weight: tf.mul(state.weight!, 2) }, readings: {} }),
    };
    const [step, double] = [await engine.compile(momentumProgram()), await engine.compile(scale)];
    const state = engine.createState({ ...momentumState(), unused: float32([1]) });
    const before = (await state.read(['weight'])).weight!.data;
    expect(await double.run(state, [{}, {}])).toEqual([{}, {}]);
    expect((await state.read(['weight'])).weight!.data).toEqual(before.map((x) => 4 * x));
    await step.run(state, [momentumBatch(1)]);
    expect(Object.keys(await state.read())).toEqual(['weight', 'velocity', 'decay', 'unused']);
  });

  it('runs programs without state, whatever their results are', async () => {
    const specs = { x: { shape: [2], dtype: 'int32' } } as const;
    const program: Program = {
      name: 'odd results', state: {}, constants: { c: float32([2], Float32Array.of(1, 2)) }, batch: { ...specs, ignored: { shape: [3], dtype: 'float32' } },
      run: ({ batch, constants }) => ({ state: {}, readings: { input: batch.x!, again: batch.x!, constant: constants.c!, flag: tf.equal(batch.x!, 1), sum: tf.sum(batch.x!) } }),
    };
    const compiled = await engine.compile(program);
    const readings = await compiled.run(engine.createState({}), [1, 5].map((x) => ({ x: int32([2], Int32Array.of(x, 1)), ignored: float32([3]) })));
    expect(readings.map(({ input, again, constant, flag, sum }) => [input, again, constant, flag, sum].map((value) => [...value!.data]))).toEqual([
      [[1, 1], [1, 1], [1, 2], [1, 1], [2]],
      [[5, 1], [5, 1], [1, 2], [0, 1], [6]],
    ]);
    expect(await compiled.run(engine.createState({}), [])).toEqual([]);
  });

  it('does not share memory with what it was given or gives', async () => {
    const values = momentumState();
    const state = engine.createState(values);
    values.weight!.data.fill(7);
    const read = await state.read(['weight']);
    expect(read.weight!.data).toEqual(momentumState().weight!.data);
    read.weight!.data.fill(9);
    await state.write({ velocity: float32([2, 3]) });
    expect((await state.read(['weight'])).weight!.data).toEqual(momentumState().weight!.data);
  });

  it('gives the same bits on several threads every time', async () => {
    const several = CompiledEngine.create({ threads: 2 });
    const { program, state: values, batch } = stepCase(stepSizes.micro);
    const outcomes = [];
    for (const groups of [[3], [1, 2]]) {
      const compiled = await several.compile(program);
      const state = several.createState(values);
      let step = 0;
      const readings = [];
      for (const count of groups) readings.push(...(await compiled.run(state, Array.from({ length: count }, () => batch(++step)))));
      outcomes.push({ readings, state: await state.read() });
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });

  it('says which program wants what of a state or batch', async () => {
    const program = await engine.compile(momentumProgram());
    const { velocity: _, ...partial } = momentumState();
    await expect(program.run(engine.createState(partial), [momentumBatch(1)])).rejects.toThrow(/"momentum" uses the state entry "velocity", which the store does not hold/);
    await expect(program.run(engine.createState({ ...momentumState(), weight: float32([3, 2]) }), [momentumBatch(1)])).rejects.toThrow(/"weight" as float32\[2, 3\], the store holds float32\[3, 2\]/);
    await expect(program.run(engine.createState(momentumState()), [{}])).rejects.toThrow(/"x" is missing/);
    const eager = await EagerEngine.create('cpu');
    await expect(program.run(eager.createState(momentumState()), [momentumBatch(1)])).rejects.toThrow(/state of another engine/);
  });
});

describe('writeModel', () => {
  it('refuses what the format cannot hold, as a mistake the user can mend', () => {
    const graph = new OnnxGraph('large');
    const gigabyte = new Uint8Array(2 ** 30);
    for (const name of ['a', 'b', 'c']) graph.initializer(name, 'bool', [gigabyte.length], gigabyte);
    expect(() => writeModel(graph)).toThrow(UserError);
    expect(() => writeModel(graph)).toThrow(/take 3\.0 GB; a compiled program holds at most 2 GB/);
  });
});
