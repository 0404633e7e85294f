/** TensorFlow.js's WebGPU backend over Dawn, on a GPU in software: the numbers of PyTorch in float64, at the bounds of the other engines. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EagerEngine } from '../../extension/training/engines/eager/eager-engine';
import { expectParity } from '../parity/expect-parity';
import { parityCases } from '../parity/parity-case';
import { useSoftwareVulkan } from '../software-vulkan';
import { obtainWebgpu } from '../unit/engines/obtain-engines';

const obtained = await obtainWebgpu();
const noGpu = await useSoftwareVulkan();
const reason = 'unobtainable' in obtained ? obtained.unobtainable : noGpu;

describe.skipIf(reason !== undefined)(`tfjs-webgpu${reason === undefined ? '' : `, skipped: ${reason}`}`, () => {
  let engine: EagerEngine;
  const before = process.env['MIM_ENGINES'];
  beforeAll(async () => {
    if ('engines' in obtained) process.env['MIM_ENGINES'] = obtained.engines;
    engine = await EagerEngine.create('webgpu');
  });
  afterAll(() => {
    if (before === undefined) delete process.env['MIM_ENGINES'];
    else process.env['MIM_ENGINES'] = before;
  });

  it('tells what it runs on', () => {
    expect(engine.kind).toBe('tfjs-webgpu');
    expect(engine.describe()).toMatchObject({ engine: 'tfjs-webgpu', tfjs: '4.22.0', device: expect.stringContaining('SwiftShader') as string });
  });

  it.each(parityCases.map((parityCase) => [parityCase.name, parityCase] as const))('%s trains as in PyTorch', (_name, parityCase) => expectParity(engine, parityCase));
});
