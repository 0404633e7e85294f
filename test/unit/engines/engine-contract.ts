/** What every engine that compiles programs must keep, whatever it runs on. */
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { floatsToHalves, halvesToFloats } from '../../../extension/core/checkpoints/half';
import type { NamedTensors } from '../../../extension/core/tensors';
import { float32, int32 } from '../../../extension/core/tensors';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { Engine, HostBatch, Program } from '../../../extension/training/engines/engine';
import { momentumBatch, momentumProgram, momentumState, normals } from './small-programs';

function expectClose(actual: NamedTensors, expected: NamedTensors): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) {
    expect(actual[name]!.shape).toEqual(value.shape);
    value.data.forEach((x, i) => expect(Math.abs(actual[name]!.data[i]! - x), `${name}[${i}]`).toBeLessThanOrEqual(5e-7 * Math.max(1, Math.abs(x))));
  }
}

/** @param engine called in the tests, once it is open */
export function keepsEngineContract(engine: () => Engine): void {
  it('computes what the eager engine computes', async () => {
    const eager = await EagerEngine.create('cpu');
    const batches = [1, 2, 3].map(momentumBatch);
    const states = [engine().createState(momentumState()), eager.createState(momentumState())];
    const [compiled, reference] = [await engine().compile(momentumProgram()), await eager.compile(momentumProgram())];
    const actual = await compiled.run(states[0]!, batches);
    const expected = await reference.run(states[1]!, batches);
    actual.forEach((readings, i) => expectClose(readings, expected[i]!));
    expectClose(await states[0]!.read(), await states[1]!.read());
  });

  it('gives the same bits however the steps are grouped, and every time', async () => {
    const program = await engine().compile(momentumProgram());
    const batches = [1, 2, 3, 4, 5].map(momentumBatch);
    const runs = await Promise.all(
      [[5], [1, 1, 1, 1, 1], [2, 3], [5]].map(async (groups) => {
        const state = engine().createState(momentumState());
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

  it('shares one state among several programs', async () => {
    const scale: Program = {
      name: 'scale',
      state: { weight: { shape: [2, 3], dtype: 'float32' } },
      constants: {},
      batch: {},
      run: ({ state }) => ({ state: { weight: tf.mul(state.weight!, 2) }, readings: {} }),
    };
    const [step, double] = [await engine().compile(momentumProgram()), await engine().compile(scale)];
    const state = engine().createState({ ...momentumState(), unused: float32([1]) });
    const before = (await state.read(['weight'])).weight!.data;
    expect(await double.run(state, [{}, {}])).toEqual([{}, {}]);
    expect((await state.read(['weight'])).weight!.data).toEqual(before.map((x) => 4 * x));
    await step.run(state, [momentumBatch(1)]);
    expect(Object.keys(await state.read())).toEqual(['weight', 'velocity', 'decay', 'unused']);
  });

  it('takes what the host writes in between, and gives the host what is there', async () => {
    const program = await engine().compile(momentumProgram());
    const [whole, split] = [engine().createState(momentumState()), engine().createState(momentumState())];
    await program.run(whole, [momentumBatch(1), momentumBatch(2)]);
    await program.run(split, [momentumBatch(1)]);
    const after = await split.read();
    await split.write({ weight: { ...after.weight!, data: after.weight!.data.map(() => 5) } });
    expect([...(await split.read(['weight'])).weight!.data]).toEqual(Array(6).fill(5));
    await split.write(after);
    await program.run(split, [momentumBatch(2)]);
    expect(await split.read()).toEqual(await whole.read());
  });

  it('keeps a state that outlives the program which wrote it', async () => {
    const [state, other] = [engine().createState(momentumState()), engine().createState(momentumState())];
    for (const step of [1, 2, 3]) {
      const program = await engine().compile(momentumProgram());
      await program.run(state, [momentumBatch(step)]);
      await program.dispose();
    }
    const program = await engine().compile(momentumProgram());
    await program.run(other, [1, 2, 3].map(momentumBatch));
    expect(await state.read()).toEqual(await other.read());
    await state.write(momentumState());
    await program.dispose();
    state.dispose();
    other.dispose();
  });

  it('runs programs without state, whatever their results are', async () => {
    const specs = { x: { shape: [2], dtype: 'int32' } } as const;
    const program: Program = {
      name: 'odd results', state: {}, constants: { c: float32([2], Float32Array.of(1, 2)) }, batch: { ...specs, ignored: { shape: [3], dtype: 'float32' } },
      run: ({ batch, constants }) => ({ state: {}, readings: { input: batch.x!, again: batch.x!, constant: constants.c!, flag: tf.equal(batch.x!, 1), sum: tf.sum(batch.x!) } }),
    };
    const compiled = await engine().compile(program);
    const readings = await compiled.run(engine().createState({}), [1, 5].map((x) => ({ x: int32([2], Int32Array.of(x, 1)), ignored: float32([3]) })));
    expect(readings.map(({ input, again, constant, flag, sum }) => [input, again, constant, flag, sum].map((value) => [...value!.data]))).toEqual([
      [[1, 1], [1, 1], [1, 2], [1, 1], [2]],
      [[5, 1], [5, 1], [1, 2], [0, 1], [6]],
    ]);
    expect(await compiled.run(engine().createState({}), [])).toEqual([]);
  });

  it('reads what is given in halves as floats, whatever the program does with it', async () => {
    const given = floatsToHalves(normals([6, 4], 8).data as Float32Array);
    const program: Program = {
      name: 'halves', state: {}, constants: {}, batch: { x: { shape: [2, 3, 4], dtype: 'float16' }, odd: { shape: [3, 3], dtype: 'float16' }, rows: { shape: [4], dtype: 'int32' } },
      run: ({ batch: { x, odd, rows } }) => {
        const flat = tf.reshape(x!, [6, 4]);
        return { state: {}, readings: { itself: x!, rows: tf.gather(flat, rows as tf.Tensor1D), doubled: tf.add(x!, x!), summed: tf.sum(flat, 1), product: tf.matMul(flat, flat, false, true), odd: tf.gather(odd!, rows as tf.Tensor1D) } };
      },
    };
    const batch: HostBatch = { x: { shape: [2, 3, 4], dtype: 'float16', data: given }, odd: { shape: [3, 3], dtype: 'float16', data: given.slice(0, 9) }, rows: int32([4], Int32Array.of(1, 0, 2, 2)) };
    const eager = await EagerEngine.create('cpu');
    const [compiled, reference] = [await engine().compile(program), await eager.compile(program)];
    const [actual, expected] = [await compiled.run(engine().createState({}), [batch, batch]), await reference.run(eager.createState({}), [batch, batch])];
    actual.forEach((readings, i) => expectClose(readings, expected[i]!));
    expect(actual[0]!.itself!.data).toEqual(halvesToFloats(given));
    await expect(compiled.run(engine().createState({}), [{ ...batch, x: float32([2, 3, 4]) }])).rejects.toThrow(/"x" is float32\[2, 3, 4\], expected float16\[2, 3, 4\]/);
  });

  it('does not share memory with what it was given or gives', async () => {
    const values = momentumState();
    const state = engine().createState(values);
    values.weight!.data.fill(7);
    const read = await state.read(['weight']);
    expect(read.weight!.data).toEqual(momentumState().weight!.data);
    read.weight!.data.fill(9);
    await state.write({ velocity: float32([2, 3]) });
    expect((await state.read(['weight'])).weight!.data).toEqual(momentumState().weight!.data);
  });

  it('says which program wants what of a state or batch', async () => {
    const program = await engine().compile(momentumProgram());
    const { velocity: _, ...partial } = momentumState();
    await expect(program.run(engine().createState(partial), [momentumBatch(1)])).rejects.toThrow(/"momentum" uses the state entry "velocity", which the store does not hold/);
    await expect(program.run(engine().createState({ ...momentumState(), weight: float32([3, 2]) }), [momentumBatch(1)])).rejects.toThrow(/"weight" as float32\[2, 3\], the store holds float32\[3, 2\]/);
    await expect(program.run(engine().createState(momentumState()), [{}])).rejects.toThrow(/"x" is missing/);
    const eager = await EagerEngine.create('cpu');
    await expect(program.run(eager.createState(momentumState()), [momentumBatch(1)])).rejects.toThrow(/state of another engine/);
  });
}
