/**
 * The real JavaScript of @tensorflow/tfjs-node-gpu under every method's training step, over a stand-in for libtensorflow: which
 * kernels there are, what they ask of TensorFlow, and the numbers. A GPU is no part of it.
 */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import { expectSame } from './comparing';
import { obtainNodeGpu } from './obtain-engines';
import { TensorflowInJavascript } from './tensorflow-in-javascript';
import { stepCases, stepOf, trained } from './training-steps';

const binding = new TensorflowInJavascript();

vi.mock('../../../extension/training/engines/installed/node-gpu-binding', () => ({ loadBinding: () => binding }));
vi.mock('../../../extension/training/engines/installed/cuda-libraries', () => ({ nvidiaDriver: () => Promise.resolve({ ok: true }), cudaChecks: () => Promise.resolve([]) }));

const obtained = await obtainNodeGpu();
const reason = 'unobtainable' in obtained ? `, skipped: ${obtained.unobtainable}` : '';

describe.skipIf('unobtainable' in obtained)(`tfjs-node-gpu${reason}`, () => {
  let gpu: EagerEngine;
  let cpu: EagerEngine;
  const before = process.env['MIM_ENGINES'];
  beforeAll(async () => {
    if ('engines' in obtained) process.env['MIM_ENGINES'] = obtained.engines;
    // As Node 23 and newer are.
    const util = createRequire(import.meta.url)('node:util') as object;
    Reflect.deleteProperty(util, 'isNullOrUndefined');
    Reflect.deleteProperty(util, 'isArray');
    cpu = await EagerEngine.create('cpu');
    gpu = await EagerEngine.create('tensorflow');
  });
  afterAll(() => {
    if (before === undefined) delete process.env['MIM_ENGINES'];
    else process.env['MIM_ENGINES'] = before;
  });

  it('tells what it runs on', () => {
    expect(gpu.kind).toBe('tfjs-node-gpu');
    expect(gpu.describe()).toMatchObject({ engine: 'tfjs-node-gpu', tfjs: '4.22.0', tensorflow: '2.9.1', device: 'CUDA' });
  });

  it.each(stepCases().map((one) => [one.name, one] as const))('has every kernel of a step of %s, and computes what the reference does', async (_name, one) => {
    const made = stepOf(one);
    let expected: Awaited<ReturnType<typeof trained>> | undefined;
    const { kernelNames } = await tf.profile(async () => {
      expected = await trained(cpu, made);
      return [];
    });
    const registered = new Set(tf.getKernelsForBackend('tensorflow').map(({ kernelName }) => kernelName));
    // Scopes of custom gradients are listed too.
    const used = kernelNames.filter((kernel) => tf.getKernel(kernel, 'cpu'));
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter((kernel) => !registered.has(kernel))).toEqual([]);

    const actual = await trained(gpu, made);
    actual.readings.forEach((readings, step) => expectSame(readings, expected!.readings[step]!, 1e-5));
    expectSame(actual.after, expected!.after, 1e-5);
  });

  it('leaves no tensors behind, here or in TensorFlow', async () => {
    const made = stepOf(stepCases()[0]!);
    await trained(gpu, made);
    const left = { here: tf.memory().numTensors, there: binding.getNumOfTensors() };
    await trained(gpu, made);
    expect({ here: tf.memory().numTensors, there: binding.getNumOfTensors() }).toEqual(left);
  });
});
