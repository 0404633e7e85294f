/** TensorFlow.js's WebGPU backend over Dawn, on a GPU in software: the numbers of training steps. Most of its time goes into shaders that are compiled. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EagerEngine } from '../../extension/training/engines/eager/eager-engine';
import { deviation } from '../parity/parity-case';
import { useSoftwareVulkan } from '../software-vulkan';
import { expectSame } from '../unit/engines/comparing';
import { obtainWebgpu } from '../unit/engines/obtain-engines';
import { stepCases, stepOf, trained } from '../unit/engines/training-steps';

/** Those that between them have every loss, mask, decoder and teacher. */
const chosen = ['maskalign, clipped, gradients recorded', 'supervised', 'mae as in AMT', 'crossmae', 'maskfeat', 'data2vec by its own average', 'ijepa', 'beit', 'cae', 'milan, the most attended visible'];

const obtained = await obtainWebgpu();
const noGpu = await useSoftwareVulkan();
const reason = 'unobtainable' in obtained ? obtained.unobtainable : noGpu;

describe.skipIf(reason !== undefined)(`tfjs-webgpu${reason === undefined ? '' : `, skipped: ${reason}`}`, () => {
  let gpu: EagerEngine;
  let cpu: EagerEngine;
  const before = process.env['MIM_ENGINES'];
  beforeAll(async () => {
    if ('engines' in obtained) process.env['MIM_ENGINES'] = obtained.engines;
    cpu = await EagerEngine.create('cpu');
    gpu = await EagerEngine.create('webgpu');
  });
  afterAll(() => {
    if (before === undefined) delete process.env['MIM_ENGINES'];
    else process.env['MIM_ENGINES'] = before;
  });

  it('tells what it runs on', () => {
    expect(gpu.kind).toBe('tfjs-webgpu');
    expect(gpu.describe()).toMatchObject({ engine: 'tfjs-webgpu', tfjs: '4.22.0', device: expect.stringContaining('SwiftShader') as string });
  });

  it('finds every step that it shall compute', () => {
    expect(chosen.filter((name) => !stepCases().some((one) => one.name === name))).toEqual([]);
  });

  it.each(stepCases().filter(({ name }) => chosen.includes(name)).map((one) => [one.name, one] as const))('computes a step of %s as the reference does', async (_name, one) => {
    const step = stepOf(one, 1);
    const expected = await trained(cpu, step);
    const actual = await trained(gpu, step);
    expectSame(actual.readings[0]!, expected.readings[0]!, 1e-4);
    // Moments are the gradients; AdamW's step would make much of the last digit of a small one.
    for (const [name, moment] of Object.entries(expected.after)) if (name.startsWith('exp_avg.')) expect(deviation(name, actual.after[name]!, moment), name).toBeLessThan(2e-4);
  });
});
