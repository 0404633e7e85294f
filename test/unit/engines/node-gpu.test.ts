/**
 * The real JavaScript of @tensorflow/tfjs-node-gpu under every method's training step, over a stand-in for libtensorflow: which
 * kernels there are, what they ask of TensorFlow, and the numbers. A GPU is no part of it.
 */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { HostBatch, Program, StateStore } from '../../../extension/training/engines/engine';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { Method } from '../../../extension/training/methods/method';
import { createMethod } from '../../../extension/training/methods/create';
import { RandomStream } from '../../../extension/training/random';
import { trainingPrograms } from '../../../extension/training/step';
import type { ResolvedExperiment } from '../../../extension/core/config/schema';
import { experiment, labels, randomImages, randomTeacher, scalar } from '../model/experiments';
import { methodCases, methodOfCase } from '../model/method-cases';
import { expectSame } from './comparing';
import { obtainNodeGpu } from './obtain-node-gpu';
import { TensorflowInJavascript } from './tensorflow-in-javascript';

const binding = new TensorflowInJavascript();

vi.mock('../../../extension/training/engines/installed/node-gpu-binding', () => ({ loadBinding: () => binding }));
vi.mock('../../../extension/training/engines/installed/cuda-libraries', () => ({ nvidiaDriver: () => Promise.resolve({ ok: true }), cudaChecks: () => Promise.resolve([]) }));

interface Case {
  readonly name: string;
  readonly method: Method;
  readonly resolved: ResolvedExperiment;
  readonly extra?: HostBatch;
}

const teacher = { checkpoint: 'teacher.safetensors' };

function cases(): Case[] {
  const aligned = experiment({ teacher, masking: { strategy: 'attentive', ratio: 0.5 }, optimizer: { batch_size: 4, ema: 0.5, clip_grad: 1 }, logging: { gradients: true } });
  const supervised = experiment({ method: 'supervised', optimizer: { batch_size: 4 } });
  return [
    { name: 'maskalign, clipped, gradients recorded', method: createMethod(aligned, { teacher: randomTeacher() }), resolved: aligned },
    { name: 'supervised', method: createMethod(supervised, { classCount: 3 }), resolved: supervised, extra: { labels: labels(0, 1, 2, 1) } },
    ...methodCases.map(([name, input]) => ({ name, ...methodOfCase(input) })),
  ];
}

interface Made {
  readonly program: Program;
  readonly initial: ReturnType<ReturnType<typeof trainingPrograms>['initialState']>;
  readonly batches: HostBatch[];
}

function madeFrom({ method, resolved, extra }: Case): Made {
  const programs = trainingPrograms(method, resolved);
  const random = new RandomStream(3, 'test');
  const batch = { images: randomImages(random, 4, 16), ...method.draw(random, 4), ...extra };
  return { program: programs.single!, initial: programs.initialState(1), batches: [1, 2].map((step) => ({ ...batch, lr: scalar(3e-3), step: scalar(step), ema_momentum: scalar(0.99) })) };
}

async function trained(engine: EagerEngine, { program, initial, batches }: Made) {
  const state: StateStore = engine.createState(initial);
  const compiled = await engine.compile(program);
  const readings = await compiled.run(state, batches);
  const after = await state.read();
  await compiled.dispose();
  state.dispose();
  return { readings, after };
}

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

  it.each(cases().map((one) => [one.name, one] as const))('has every kernel of a step of %s, and computes what the reference does', async (_name, one) => {
    const made = madeFrom(one);
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
    const made = madeFrom(cases()[0]!);
    await trained(gpu, made);
    const left = { here: tf.memory().numTensors, there: binding.getNumOfTensors() };
    await trained(gpu, made);
    expect({ here: tf.memory().numTensors, there: binding.getNumOfTensors() }).toEqual(left);
  });
});
