/** Updates that are divided from a step: what is, what is not, and that no bit differs from the whole step's. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { stepCase, stepSizes } from '../../../bench/step-case';
import { specOf, type NamedTensors } from '../../../extension/core/tensors';
import { float32 } from '../../../extension/core/tensors';
import { compile } from '../../../extension/training/engines/compiled/compile';
import { CompiledEngine, type CompiledEngineOptions } from '../../../extension/training/engines/compiled/compiled-engine';
import { SplitProgram } from '../../../extension/training/engines/compiled/split-program';
import type { SplitStep, Update } from '../../../extension/training/engines/compiled/updates/split-updates';
import { signed, unsigned } from '../../../extension/training/engines/compiled/updates/wasm-module';
import { validate } from '../../../extension/training/engines/compiled/validate';
import type { HostBatch, Program, ProgramInputs, ProgramOutputs } from '../../../extension/training/engines/engine';
import { momentumBatch, momentumProgram, momentumState, normals } from './small-programs';

interface Case {
  readonly program: Program;
  readonly state: NamedTensors;
  readonly batches: readonly HostBatch[];
}

function caseOf(state: NamedTensors, batch: NamedTensors, run: (inputs: ProgramInputs) => ProgramOutputs): Case {
  const specs = (values: NamedTensors) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, specOf(value)]));
  return { program: { name: 'case', state: specs(state), constants: {}, batch: specs(batch), run }, state, batches: [batch, batch] };
}

function splitOf({ program }: Case): SplitStep {
  const { split } = compile(program, { leastUpdated: 1 });
  validate(split!.step);
  return split!;
}

const names = (sources: Update['arrays']): string[] => sources.map(({ kind, name }) => (kind === 'made' ? 'made' : name)).sort();

async function outcomeOf({ program, state, batches }: Case, options: CompiledEngineOptions): Promise<{ kind: string; readings: unknown; state: NamedTensors }> {
  const engine = await CompiledEngine.create({ threads: 1, ...options });
  const compiled = await engine.compile(program);
  const store = engine.createState(state);
  const readings = await compiled.run(store, batches);
  await compiled.dispose();
  return { kind: compiled.constructor.name, readings, state: await store.read() };
}

async function expectSameBits(one: Case): Promise<void> {
  const [divided, whole] = [await outcomeOf(one, { leastUpdated: 1 }), await outcomeOf(one, { disabledPasses: ['split-updates'] })];
  expect([divided.kind, whole.kind]).toEqual(['SplitProgram', 'OnnxProgram']);
  expect({ ...divided, kind: '' }).toEqual({ ...whole, kind: '' });
}

describe('what is divided', () => {
  it('AdamW: one update a parameter, of its gradient alone beside the state, though its norm reads the square', () => {
    const { program, state } = stepCase(stepSizes.micro);
    const { updates, step } = splitOf({ program, state, batches: [] });
    const parameters = Object.keys(state).filter((name) => `exp_avg.${name}` in state);
    const perParameter = updates.filter(({ writes }) => writes.length === 3);
    expect(perParameter.length).toBe(parameters.length);
    for (const { arrays, writes } of perParameter) {
      const written = writes.map(({ name }) => name);
      expect(names(arrays)).toEqual([...written, 'made'].sort());
    }
    expect(step.outputs.filter(({ kind }) => kind === 'state')).toEqual([]);
  });

  it('nothing that a reading or the rest of the step reads', () => {
    const state = { x: normals([5], 1), y: normals([5], 2) };
    const one = caseOf(state, { a: normals([5], 3) }, ({ state: { x, y }, batch: { a } }) => {
      const shown = tf.add(x!, a!);
      const summed = tf.mul(y!, a!);
      return { state: { x: tf.mul(shown, 2), y: tf.sub(summed, 1) }, readings: { shown, sum: tf.sum(summed) } };
    });
    const { updates } = splitOf(one);
    expect(updates.flatMap(({ nodes }) => nodes.map(({ op }) => op)).sort()).toEqual(['Mul', 'Sub']);
    return expectSameBits(one);
  });

  it('no small state, nor that of programs in which nothing would be left', () => {
    expect(compile(momentumProgram()).split).toBeUndefined();
    expect(compile(momentumProgram(), { leastUpdated: 12 }).split).toBeDefined();
    expect(compile(momentumProgram(), { leastUpdated: 13 }).split).toBeUndefined();
    expect(compile(momentumProgram(), { leastUpdated: 1, device: 'webgpu' }).split).toBeUndefined();
    const { program } = caseOf({ x: normals([5], 1) }, { a: normals([5], 3) }, ({ state: { x }, batch: { a } }) => ({ state: { x: tf.add(x!, a!) }, readings: {} }));
    expect(compile(program, { leastUpdated: 1 }).split).toBeUndefined();
  });
});

describe('no bit differs', () => {
  it('of momentum, run by run or together', () => expectSameBits({ program: momentumProgram(), state: momentumState(), batches: [1, 2, 3].map(momentumBatch) }));

  it('of a training step', () => {
    const { program, state, batch } = stepCase(stepSizes.micro);
    return expectSameBits({ program, state, batches: [1, 2].map(batch) });
  });

  it.each([1, 3, 4, 5, 4095, 4096, 4097, 10_000])('of every operation, over %i + 1 elements', (length) => {
    const state = { x: normals([length + 1], 1), y: normals([length + 1], 2), z: float32([length + 1]) };
    return expectSameBits(caseOf(state, { a: normals([length + 1], 3), s: float32([], Float32Array.of(0.3)) }, ({ state: { x, y, z }, batch: { a, s } }) => {
      const root = tf.sqrt(tf.abs(tf.sub(x!, a!)));
      return { state: { x: tf.div(root, tf.add(tf.square(y!), 1e-3)), y: tf.neg(tf.mul(y!, s!)), z: tf.add(z!, root) }, readings: { norm: tf.sum(tf.square(a!)) } };
    }));
  });

  it('where numbers are not finite, or too small to be normal', () => {
    const state = { x: float32([6], Float32Array.of(Infinity, -Infinity, NaN, 1e-40, -0, 3e38)) };
    return expectSameBits(caseOf(state, { a: float32([6], Float32Array.of(1, Infinity, 1, 1e-3, 0, 10)) }, ({ state: { x }, batch: { a } }) => ({ state: { x: tf.mul(x!, a!) }, readings: { sum: tf.sum(a!) } })));
  });

  it('where updates read each other\'s state, in a ring', () => {
    const state = { x: normals([7], 1), y: normals([7], 2), z: normals([7], 3) };
    const one = caseOf(state, { a: normals([7], 4) }, ({ state: { x, y, z }, batch: { a } }) => ({
      state: { x: tf.add(y!, a!), y: tf.mul(z!, a!), z: tf.sub(x!, a!) }, readings: { sum: tf.sum(a!) },
    }));
    expect(splitOf(one).updates.length).toBe(1);
    return expectSameBits(one);
  });

  it('where an update reads state that the rest of the step writes', () => {
    const state = { x: normals([7], 1), scale: float32([], Float32Array.of(2)), y: normals([7], 2) };
    return expectSameBits(caseOf(state, { a: normals([7, 7], 4) }, ({ state: { x, scale, y }, batch: { a } }) => {
      const turned = tf.reshape(tf.matMul(a!, tf.reshape(y!, [7, 1])), [7]);
      return { state: { x: tf.mul(tf.add(x!, y!), scale!), scale: tf.add(scale!, 1), y: turned }, readings: { sum: tf.sum(turned) } };
    }));
  });

  it('where one value becomes two states', () => {
    const state = { x: normals([7], 1), copy: normals([7], 2) };
    return expectSameBits(caseOf(state, { a: normals([7], 4) }, ({ state: { x }, batch: { a } }) => {
      const next = tf.add(x!, a!);
      return { state: { x: next, copy: next }, readings: { sum: tf.sum(a!) } };
    }));
  });
});

it('leaves what was read of the state as it was', async () => {
  const engine = await CompiledEngine.create({ threads: 1, leastUpdated: 1 });
  const compiled = await engine.compile(momentumProgram());
  expect(compiled).toBeInstanceOf(SplitProgram);
  const given = momentumState();
  const state = engine.createState(given);
  const before = await state.read();
  await compiled.run(state, [momentumBatch(1)]);
  expect(before).toEqual(momentumState());
  expect(given).toEqual(momentumState());
  expect(await state.read()).not.toEqual(before);
});

it('writes numbers as WebAssembly does', () => {
  expect([0, 1, 63, 64, 127, 128, 16_384].map(unsigned)).toEqual([[0], [1], [63], [64], [127], [0x80, 1], [0x80, 0x80, 1]]);
  expect([0, 16, 63, 64, 127, 128, 8191, 8192].map(signed)).toEqual([[0], [16], [63], [0xc0, 0], [0xff, 0], [0x80, 1], [0xff, 0x3f], [0x80, 0xc0, 0]]);
});
