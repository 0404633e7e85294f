import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { float32, int32 } from '../../../extension/core/tensors';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import { momentumProgram, momentumState, momentumBatch } from './small-programs';

describe.each(['cpu', 'wasm'] as const)('eager engine on %s', (backend) => {
  it('carries the state from step to step', async () => {
    const engine = await EagerEngine.create(backend);
    const state = engine.createState(momentumState());
    const program = await engine.compile(momentumProgram());
    const together = await program.run(state, [momentumBatch(1), momentumBatch(2)]);
    const other = engine.createState(momentumState());
    const first = await program.run(other, [momentumBatch(1)]);
    const second = await program.run(other, [momentumBatch(2)]);
    expect([...first, ...second]).toEqual(together);
    expect(await other.read()).toEqual(await state.read());
  });

  it('leaves no tensors behind', async () => {
    const engine = await EagerEngine.create(backend);
    const before = tf.memory().numTensors;
    const state = engine.createState(momentumState());
    const program = await engine.compile(momentumProgram());
    await program.run(state, [momentumBatch(1)]);
    const afterOne = tf.memory().numTensors;
    await program.run(state, [momentumBatch(2), momentumBatch(3)]);
    await state.write({ 'weight': (await state.read(['weight'])).weight! });
    expect(tf.memory().numTensors).toBe(afterOne);
    state.dispose();
    await program.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('does not share memory with what it was given or gives', async () => {
    const engine = await EagerEngine.create(backend);
    const values = momentumState();
    const state = engine.createState(values);
    values.weight!.data.fill(7);
    const read = await state.read(['weight']);
    expect(read.weight!.data).toEqual(momentumState().weight!.data);
    read.weight!.data.fill(9);
    expect((await state.read(['weight'])).weight!.data).toEqual(momentumState().weight!.data);
  });

  it('makes one-hot rows of any values, which the kernel of wasm takes for whole numbers', async () => {
    const engine = await EagerEngine.create(backend);
    const program = await engine.compile({
      name: 'one-hot', state: {}, constants: {}, batch: { labels: { shape: [3], dtype: 'int32' } },
      run: ({ batch }) => ({ state: {}, readings: { rows: tf.oneHot(batch.labels as tf.Tensor1D, 2, 0.75, 0.25, 'float32'), ones: tf.oneHot(batch.labels as tf.Tensor1D, 2, 1, 0, 'float32') } }),
    });
    const [readings] = await program.run(engine.createState({}), [{ labels: int32([3], Int32Array.of(1, 0, -1)) }]);
    expect([...readings!.rows!.data]).toEqual([0.25, 0.75, 0.75, 0.25, 0.25, 0.25]);
    expect([...readings!.ones!.data]).toEqual([0, 1, 1, 0, 0, 0]);
  });

  it('says which value of a batch is wrong', async () => {
    const engine = await EagerEngine.create(backend);
    const state = engine.createState(momentumState());
    const program = await engine.compile(momentumProgram());
    await expect(program.run(state, [{ ...momentumBatch(1), x: float32([1, 2]) }])).rejects.toThrow(/"x" is float32\[1, 2\], expected float32\[5, 3\]/);
    await expect(program.run(state, [{ ...momentumBatch(1), lr: int32([]) }])).rejects.toThrow(/"lr"/);
    await expect(state.write({ weight: float32([2]) })).rejects.toThrow(/"weight"/);
  });
});

it('engines of one process can be used in turn', async () => {
  const cpu = await EagerEngine.create('cpu');
  const wasm = await EagerEngine.create('wasm');
  const states = [cpu.createState(momentumState()), wasm.createState(momentumState())];
  const programs = [await cpu.compile(momentumProgram()), await wasm.compile(momentumProgram())];
  const losses: number[][] = [[], []];
  for (const step of [1, 2, 3]) {
    const both = await Promise.all(programs.map((program, i) => program.run(states[i]!, [momentumBatch(step)])));
    both.forEach((readings, i) => losses[i]!.push(readings[0]!.loss!.data[0]!));
  }
  losses[0]!.forEach((loss, i) => expect(losses[1]![i]).toBeCloseTo(loss, 5));
  await expect(programs[0]!.run(states[1]!, [momentumBatch(1)])).rejects.toThrow(/another engine/);
});
