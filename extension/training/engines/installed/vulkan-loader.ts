/** What WebGPU stands on where the system brings it not along, which is Linux. */
import type { Check } from './check';
import { openedBySystem, type Opener } from './library-opener';

const LOADER = 'libvulkan.so.1';

export async function vulkanCheck(open: Opener = openedBySystem, platform: NodeJS.Platform = process.platform): Promise<Check> {
  const common = { name: 'Vulkan', neededTo: 'run' } as const;
  if (platform !== 'linux') return { ...common, ok: true, detail: `the system's own graphics on ${platform}` };
  const reason = await open(LOADER);
  if (reason === undefined) return { ...common, ok: true, detail: `${LOADER} loads` };
  return { ...common, ok: false, detail: `no Vulkan (${LOADER}: ${reason})`, hint: 'Install the loader of Vulkan (Debian: `apt-get install libvulkan1`) and the Vulkan driver of the GPU.' };
}
