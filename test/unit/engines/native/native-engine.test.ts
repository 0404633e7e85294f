/** Programs as machine code keep what every engine promises, and compute what the eager engine computes. */
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { stepCase, stepSizes } from '../../../../bench/step-case';
import { NativeEngine } from '../../../../extension/training/engines/native/native-engine';
import { noNative } from '../../../native-here';
import { expectSame, functionOf, runEagerly } from '../comparing';
import { keepsEngineContract } from '../engine-contract';
import { computesEveryKernel } from '../every-kernel';
import { momentumProgram } from '../small-programs';

describe.skipIf(noNative !== undefined)('native engine', () => {
  let engine: NativeEngine;
  beforeAll(async () => {
    engine = await NativeEngine.create({ threads: 1 });
  });

  keepsEngineContract(() => engine);
  computesEveryKernel(() => engine, 2e-6);

  it('says what it is', () => expect(engine.describe()).toMatchObject({ engine: 'native', code: 'AVX-512', threads: 1 }));

  it('refuses what it does not compute in', async () => {
    await expect(engine.compile({ ...functionOf('products', {}, () => ({})), precision: 'float16' })).rejects.toMatchObject({ code: 'MIM4003' });
  });

  it('leaves no tensors behind in TensorFlow.js', async () => {
    await (await engine.compile(momentumProgram())).dispose();
    const before = tf.memory().numTensors;
    await (await engine.compile(momentumProgram())).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('computes a MaskAlign step', async () => {
    const { program, state, batch } = stepCase(stepSizes.micro);
    const steps = [batch(1), batch(2)];
    const expected = await runEagerly(program, state, steps);
    const compiled = await engine.compile(program);
    const actual = await compiled.run(engine.createState(state), steps);
    actual.forEach((readings, step) => expectSame(readings, expected.readings[step]!, 2e-5));
    await compiled.dispose();
  });

  it('gives the same bits on any number of threads, however the steps are grouped', async () => {
    const { program, state: values, batch } = stepCase(stepSizes.micro);
    const outcomes = [];
    for (const [threads, groups] of [[1, [3]], [2, [3]], [2, [1, 2]], [3, [3]]] as const) {
      const several = await NativeEngine.create({ threads });
      const compiled = await several.compile(program);
      const state = several.createState(values);
      let step = 0;
      const readings = [];
      for (const count of groups) readings.push(...(await compiled.run(state, Array.from({ length: count }, () => batch(++step)))));
      outcomes.push({ readings, state: await state.read() });
      await compiled.dispose();
      state.dispose();
    }
    for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
  });
});

describe('where machine code cannot be run', () => {
  afterEach(() => {
    vi.doUnmock('../../../../extension/training/engines/native/native-support');
    vi.resetModules();
  });

  it('is said before anything is loaded that needs it', async () => {
    vi.resetModules();
    vi.doMock('../../../../extension/training/engines/native/native-support', () => ({ nativeSupport: () => 'The processor does not have avx512f.' }));
    const { NativeEngine: Engine } = await import('../../../../extension/training/engines/native/native-engine');
    await expect(Engine.create()).rejects.toMatchObject({ code: 'MIM4016', message: 'The processor does not have avx512f.', hint: expect.stringContaining('compiled-cpu') as string });
  });
});
