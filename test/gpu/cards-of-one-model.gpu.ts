/** Cards that only their PCI addresses tell apart: whoever asks for one computes on that one, or is refused where no layer obeys. Never on another. */
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEngine, probeDevices } from '../../extension/training/engines/create';
import { isDeviceFault } from '../../extension/training/engines/devices/choose-device';
import { wantsRealGpu } from '../software-vulkan';
import { cardsOfOneModel } from './several-devices';
import { threadNames, threadsOfEngine } from './threads-of-engine';

const made = wantsRealGpu ? undefined : await cardsOfOneModel();

describe.skipIf(made === undefined)(`cards of one model${made === undefined ? ', skipped: in software, by a C compiler' : ''}`, () => {
  const { cards, manifests } = made ?? { cards: [], manifests: '' };
  const byNumber = [...cards].sort((a, b) => (a.pci < b.pci ? -1 : 1));
  beforeEach(() => void vi.stubEnv('VK_ICD_FILENAMES', manifests));
  afterEach(() => vi.unstubAllEnvs());
  afterAll(() => made?.remove());

  /** @returns the code of the refusal, or the threads of the cards that compute and did not before */
  async function computing(kind: 'wgsl' | 'compiled-webgpu', device: number): Promise<string[]> {
    const before = await threadNames();
    try {
      const { engine } = await createEngine({ kind, threads: 1, device });
      const names = (await threadsOfEngine(engine)).filter((name) => !before.includes(name));
      await engine.dispose();
      return byNumber.map(({ threads }) => threads).filter((own) => names.some((name) => name.startsWith(own)));
    } catch (error) {
      if (isDeviceFault(error)) return [error.code];
      throw error;
    }
  }

  it('are numbered by their addresses', async () => {
    expect((await probeDevices()).map(({ detail }) => detail)).toEqual(byNumber.map(({ pci }) => expect.stringMatching(new RegExp(`^software, .* GiB, .*, PCI ${pci}$`)) as string));
  });

  // Each once: a card's threads may outlive its engine.
  it.each([['wgsl', 0], ['wgsl', 1], ['compiled-webgpu', 2]] as const)('compute for %s as number %i, or refuse', async (kind, number) => {
    const own = [byNumber[number]!.threads];
    // The first in the driver's order needs no layer.
    expect(number === 0 ? [own] : [own, ['MIM4014']]).toContainEqual(await computing(kind, number));
  });
});
