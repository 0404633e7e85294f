import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gpuNames, likelyGpu } from '../../../extension/training/engines/gpu-devices';
import { passedOver } from '../../../extension/training/engines/rates';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mim-devices-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function file(path: string, text = ''): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

describe('likelyGpu', () => {
  it('is told by device files on Linux, and taken for granted elsewhere', () => {
    expect(likelyGpu('linux', root)).toBe(false);
    expect(likelyGpu('darwin', root)).toBe(true);
    expect(likelyGpu('win32', root)).toBe(true);
  });

  it.each(['dev/nvidia0', 'dev/dxg', 'dev/dri/renderD128'])('by %s', async (device) => {
    await file(device);
    expect(likelyGpu('linux', root)).toBe(true);
  });

  it.each(['dev/nvidiactl', 'dev/nvidia-uvm', 'dev/dri/card0'])('not by %s, with which nothing is computed', async (device) => {
    await file(device);
    expect(likelyGpu('linux', root)).toBe(false);
  });
});

describe('gpuNames', () => {
  it('are those of NVIDIA’s driver', async () => {
    await file('proc/driver/nvidia/gpus/0000:04:00.0/information', 'Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 99\n');
    expect(gpuNames(root)).toEqual(['NVIDIA H100 80GB HBM3']);
  });

  it('are vendor and number where the kernel knows no more, and none where it knows nothing', async () => {
    expect(gpuNames(root)).toEqual([]);
    await file('sys/class/drm/renderD128/device/vendor', '0x1002\n');
    await file('sys/class/drm/renderD128/device/device', '0x744c\n');
    await file('sys/class/drm/card0/device/vendor', '0x1002\n');
    expect(gpuNames(root)).toEqual(['AMD (PCI 1002:744c)']);
  });
});

describe('passedOver', () => {
  it('is one that is not faster than the processor, or in software', () => {
    const [fast, slow] = [{ size: 1024, gflops: 5000 }, { size: 1024, gflops: 60 }];
    expect(passedOver(fast, slow, true)).toBeUndefined();
    expect(passedOver(slow, fast, true)).toBe('slower than the processor, 60 against 5000 GFLOP/s on matrix products');
    expect(passedOver(fast, slow, false)).toContain('software');
  });
});
