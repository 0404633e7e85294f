/** A GPU that is lost, or has no room: Dawn loses the device, and its memory is really asked for more than there is. */
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UserError } from '../../extension/core/problems';
import { ranOutOfMemory } from '../../extension/core/queue/out-of-memory';
import { float32 } from '../../extension/core/tensors';
import type { Program } from '../../extension/training/engines/engine';
import { WgslEngine } from '../../extension/training/engines/wgsl/wgsl-engine';
import { wantsRealGpu } from '../software-vulkan';
import { functionOf } from '../unit/engines/comparing';
import { momentumBatch, momentumProgram, momentumState } from '../unit/engines/small-programs';
import { deviceOf } from './lose-device';

let engine: WgslEngine;
beforeEach(async () => {
  engine = await WgslEngine.create();
});
afterEach(() => engine.dispose());

const failureOf = (work: Promise<unknown>): Promise<UserError> => work.then(() => expect.unreachable(), (error: UserError) => error);

const BYTES = 4;

/** A product [rows, columns] that is computed whole, and summed: nothing else of it is large. */
function largeValue(rows: number, columns: number): Program {
  return functionOf('large', { a: float32([rows, 1]), b: float32([1, columns]) }, ({ a, b }) => {
    const product = tf.matMul(a!, b!);
    return { sum: tf.sum(tf.softmax(product)) };
  });
}

/** Columns with which a value of so many rows is as large as one may be. */
const mostColumns = (rows: number): number => Math.floor(deviceOf(engine).limits.maxStorageBufferBindingSize / BYTES / rows);

describe('a device that is lost', () => {
  const told = { code: 'MIM4011', message: expect.stringMatching(/^The GPU was lost as .+: Device lost: /) as string };

  it.each(['before', 'while'])('gives no values of a state that is read %s', async (when) => {
    const state = engine.createState(momentumState());
    await state.read();
    if (when === 'before') deviceOf(engine).destroy();
    const reading = failureOf(state.read());
    await Promise.resolve();
    deviceOf(engine).destroy();
    expect(await reading).toMatchObject(told);
  });

  it('takes no values', async () => {
    const state = engine.createState(momentumState());
    await state.read();
    deviceOf(engine).destroy();
    expect(await failureOf(state.write(momentumState()))).toMatchObject(told);
  });

  it.each([0, 1, 5])('computes no numbers, lost %i turns after the steps began', async (turns) => {
    const program = await engine.compile(momentumProgram());
    const state = engine.createState(momentumState());
    await program.run(state, [momentumBatch(1)]);
    const running = failureOf(program.run(state, [2, 3, 4].map(momentumBatch)));
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    deviceOf(engine).destroy();
    expect(await running).toMatchObject(told);
    expect(await failureOf(program.run(state, [momentumBatch(5)]))).toMatchObject(told);
    await program.dispose();
    state.dispose();
  });

  it('compiles nothing', async () => {
    deviceOf(engine).destroy();
    expect(await failureOf(engine.compile(momentumProgram()))).toMatchObject(told);
    expect(await failureOf(engine.createState(momentumState()).read())).toMatchObject(told);
  });
});

// A buffer as large as the limit says is more than SwiftShader can allocate, on any machine.
describe.skipIf(wantsRealGpu)('memory that is full', () => {
  const full = { code: 'MIM4012', message: expect.stringMatching(/^The GPU was out of memory as .+VK_ERROR_OUT_OF_DEVICE_MEMORY/) as string };
  const fullProgram = (): Program => largeValue(1 << 14, mostColumns(1 << 14));

  it('is told of a program, which leaves the others as they were', async () => {
    const state = engine.createState(momentumState());
    const program = await engine.compile(momentumProgram());
    const expected = await program.run(engine.createState(momentumState()), [1, 2].map(momentumBatch));
    const first = await program.run(state, [momentumBatch(1)]);
    expect(await failureOf(engine.compile(fullProgram()))).toMatchObject(full);
    expect([...first, ...(await program.run(state, [momentumBatch(2)]))]).toEqual(expected);
  });

  it('is told to whoever asked for it, not to who works meanwhile', async () => {
    const state = engine.createState(momentumState());
    const program = await engine.compile(momentumProgram());
    const [running, reading] = [program.run(engine.createState(momentumState()), [momentumBatch(1)]), state.read()];
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    const failing = failureOf(engine.compile(fullProgram()));
    const compiling = engine.compile(momentumProgram());
    await expect(Promise.all([reading, running, compiling])).resolves.toBeDefined();
    expect(await failing).toMatchObject(full);
  });

  it('is told of a state', async () => {
    const whole = { whole: float32([mostColumns(1)]) };
    expect(await failureOf(engine.createState(whole).read())).toMatchObject(full);
  });
});

it('reads a state that is larger than one copy to the host', async () => {
  const ends = (length: number, first: number, last: number): ReturnType<typeof float32> => {
    const value = float32([length]);
    value.data.set([first]);
    value.data.set([last], length - 1);
    return value;
  };
  const values = { first: ends(3, 1, 2), large: ends(45_000_000, 3, 4), larger: ends(70_000_000, 5, 6), last: ends(3, 7, 8), none: float32([0]) };
  const read = await engine.createState(values).read();
  expect(Object.values(read).map(({ data }) => [data.length, data[0], data.at(-1)])).toEqual(Object.values(values).map(({ data }) => [data.length, data[0], data.at(-1)]));
});

describe('one value that is larger than the device binds', () => {
  it('is refused before anything is allocated, as memory that is full: fewer images at a time may fit', async () => {
    const rows = 1 << 14;
    const error = await failureOf(engine.compile(largeValue(rows, mostColumns(rows) + 1)));
    expect(error).toMatchObject({ code: 'MIM4012', message: expect.stringMatching(/^The GPU was out of memory as it compiled "large": not enough memory for one value: float32\[16384, \d+\] takes [\d.]+ GiB, and one may take [\d.]+ GiB\.$/) as string });
    expect(ranOutOfMemory(error.message)).toBe(true);
  });

  it('is refused as a parameter, of which no smaller batch makes less', () => {
    expect(() => engine.createState({ small: float32([4]), 'head.weight': float32([mostColumns(1) + 1]) })).toThrow(/"head\.weight" takes [\d.]+ GiB.+one value may take [\d.]+ GiB/);
  });
});
