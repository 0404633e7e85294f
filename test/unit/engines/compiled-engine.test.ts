import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { stepCase, stepSizes } from '../../../bench/step-case';
import { UserError } from '../../../extension/core/problems';
import { CompiledEngine } from '../../../extension/training/engines/compiled/compiled-engine';
import { OnnxGraph, writeModel } from '../../../extension/training/engines/compiled/onnx-writer';
import { trace } from '../../../extension/training/engines/compiled/trace';
import { validate } from '../../../extension/training/engines/compiled/validate';
import { keepsEngineContract } from './engine-contract';
import { momentumProgram } from './small-programs';

describe('compiled engine', () => {
  let engine: CompiledEngine;
  beforeAll(async () => {
    engine = await CompiledEngine.create({ threads: 1 });
  });

  keepsEngineContract(() => engine);

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

  it('gives the same bits on several threads every time', async () => {
    const several = await CompiledEngine.create({ threads: 2 });
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

});

describe('compiled engine, updates divided from the step', () => {
  let engine: CompiledEngine;
  beforeAll(async () => {
    engine = await CompiledEngine.create({ threads: 1, leastUpdated: 1 });
  });

  keepsEngineContract(() => engine);
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
