/** `engine.device` on two GPUs in software that differ, and where it cannot be obeyed: on two that are alike. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEngine, probeDevices } from '../../extension/training/engines/create';
import { deviceAtWork } from '../../extension/training/engines/devices/take-vulkan';
import { wantsRealGpu } from '../software-vulkan';
import { severalDevices, threadsOfDevice, type SeveralDevices } from './several-devices';
import { threadsOfEngine } from './threads-of-engine';

const [FIRST, SECOND] = ['SwiftShader Device (Subzero)', 'SwiftShader Second (Subzero)'];

/** @returns whether there are threads of the first, of the second */
async function computing(kind: 'wgsl' | 'compiled-webgpu', device: number): Promise<boolean[]> {
  const { engine } = await createEngine({ kind, threads: 1, device });
  expect(engine.describe()['device']).toBe([FIRST, SECOND][device]);
  const names = await threadsOfEngine(engine);
  await engine.dispose();
  return threadsOfDevice.map((own) => names.some((name) => name.startsWith(own)));
}

describe.skipIf(wantsRealGpu)('several devices', () => {
  let devices: SeveralDevices;
  beforeAll(async () => {
    devices = await severalDevices();
  });
  afterAll(() => devices.remove());
  beforeEach(() => {
    vi.stubEnv('VK_ICD_FILENAMES', devices.different);
    vi.stubEnv('MESA_VK_DEVICE_SELECT', undefined);
    vi.stubEnv('MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE', undefined);
    vi.stubEnv('VK_LOADER_DEVICE_SELECT', undefined);
  });
  afterEach(() => vi.unstubAllEnvs());

  it('are listed by their numbers, whatever is selected', async () => {
    vi.stubEnv('VK_LOADER_DEVICE_SELECT', '0x1ae0:0xc0df');
    expect(await probeDevices()).toEqual([FIRST, SECOND].map((name) => ({ name, detail: expect.stringMatching(/^software, [1-9]\d*\.\d GiB, SwiftShader driver$/) as string })));
    expect(process.env['VK_LOADER_DEVICE_SELECT']).toBe('0x1ae0:0xc0df');
    expect(await deviceAtWork()).toBe(SECOND);
  });

  // First, and each once: a device's threads may outlive its engine, and ONNX Runtime opens the GPU once a process.
  it('are each computed on by who took it', async () => {
    expect(await computing('wgsl', 0)).toEqual([true, false]);
    expect((await computing('compiled-webgpu', 1))[1]).toBe(true);
  });

  it('are each taken by kernels of our own, by number, by name, and by what the queue gave', async () => {
    for (const [device, given, name] of [[0, undefined, FIRST], ['second', undefined, SECOND], [0, '1', FIRST], [undefined, '1', SECOND]] as const) {
      vi.stubEnv('MIM_DEVICE', given);
      const { engine, reason } = await createEngine({ kind: 'wgsl', threads: 1, device });
      expect(engine.describe()['device']).toBe(name);
      expect(reason).toContain(`on ${name}`);
      await engine.dispose();
    }
  });

  it('decide what `auto` computes on where one is named', async () => {
    const { engine, reason } = await createEngine({ kind: 'auto', threads: 1, device: 1 });
    expect(engine.kind).toBe('wgsl');
    expect(reason).toContain(`on ${SECOND}`);
    await engine.dispose();
  });

  it.each(['wgsl', 'compiled-webgpu', 'auto'] as const)('are named where %s shall have one that is not there, and nothing is selected then', async (kind) => {
    await expect(createEngine({ kind, threads: 1, device: 2 })).rejects.toMatchObject({ code: 'MIM4013', message: `There is no device 2. Here are 0: ${FIRST}, 1: ${SECOND}.` });
    await expect(createEngine({ kind, threads: 1, device: 'SwiftShader' })).rejects.toMatchObject({ code: 'MIM4013', message: expect.stringContaining('in the names of 2 devices') as string });
    expect(process.env['VK_LOADER_DEVICE_SELECT']).toBeUndefined();
  });

  describe('of one model without PCI addresses', () => {
    beforeEach(() => void vi.stubEnv('VK_ICD_FILENAMES', devices.alike));

    it('have a first, which can be had', async () => {
      const { engine } = await createEngine({ kind: 'wgsl', threads: 1, device: 0 });
      await engine.dispose();
    });

    it('have the first for a job that was given the second, which is told so', async () => {
      vi.stubEnv('MIM_DEVICE', '1');
      const { engine, reason } = await createEngine({ kind: 'wgsl', threads: 1 });
      expect(engine.describe()['device']).toBe(FIRST);
      expect(reason).toMatch(/for device 1, which it was given, cannot be had: .*another device is of the same model/);
      await engine.dispose();
    });

    it.each(['wgsl', 'compiled-webgpu'] as const)('have no second for %s', async (kind) => {
      await expect(createEngine({ kind, threads: 1, device: 1 })).rejects.toMatchObject({ code: 'MIM4014', message: expect.stringContaining('another device is of the same model') as string, hint: expect.stringContaining('ConstrainDevices') as string });
      expect(process.env['DRI_PRIME']).toBeUndefined();
    });
  });
});
