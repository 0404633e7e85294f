import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findGpus } from '../../../extension/core/queue/find-gpus';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mim-gpus-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function file(path: string, text = ''): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

async function renderNode(name: string, vendor: string, device: string): Promise<void> {
  await file(`dev/dri/${name}`);
  await file(`sys/class/drm/${name}/device/vendor`, `${vendor}\n`);
  await file(`sys/class/drm/${name}/device/device`, `${device}\n`);
}

describe('the GPUs that a queue gives out', () => {
  it('are NVIDIA’s cards, whatever else draws', async () => {
    await file('proc/driver/nvidia/gpus/0000:04:00.0/information');
    await file('proc/driver/nvidia/gpus/0000:05:00.0/information');
    await renderNode('renderD128', '0x8086', '0x4680');
    expect(await findGpus('linux', root)).toBe(2);
  });

  it('are all cards of one model', async () => {
    for (const name of ['renderD128', 'renderD129', 'renderD130']) await renderNode(name, '0x1002', '0x74a1');
    await file('dev/dri/card0');
    expect(await findGpus('linux', root)).toBe(3);
  });

  it('are one where models differ, or where it is not on PCI', async () => {
    await file('dev/dri/renderD128');
    expect(await findGpus('linux', root)).toBe(1);
    await renderNode('renderD128', '0x1002', '0x744c');
    await renderNode('renderD129', '0x1002', '0x164e');
    expect(await findGpus('linux', root)).toBe(1);
  });

  it('are none where there are none, and one where the system does not tell', async () => {
    expect(await findGpus('linux', root)).toBe(0);
    await file('dev/dxg');
    expect(await findGpus('linux', root)).toBe(1);
    expect(await findGpus('darwin', root)).toBe(1);
  });
});
