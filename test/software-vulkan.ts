/** A GPU in software, for tests: SwiftShader, which Debian's Chromium brings with a loader of Vulkan. */
import { existsSync } from 'node:fs';
import koffi from 'koffi';
import { obtainChromium } from './chromium';

/** Where it lies. */
export const SOFTWARE_VULKAN = '/usr/lib/chromium';

/** Whether the tests are to run on the GPU that is there. */
export const wantsRealGpu = process.env['MIM_TEST_GPU'] !== undefined;

/** Held, since with the last reference it is unloaded: under its name, by which it is asked for later, there is no other. */
let loaded: ReturnType<typeof koffi.load> | undefined;

/** Lets this process find it. @returns why not, where it is not there */
export async function useSoftwareVulkan(): Promise<string | undefined> {
  await obtainChromium().catch(() => undefined);
  const loader = `${SOFTWARE_VULKAN}/libvulkan.so.1`;
  const driver = `${SOFTWARE_VULKAN}/vk_swiftshader_icd.json`;
  if (!existsSync(loader) || !existsSync(driver)) return `${driver} is not there (Debian: apt-get install chromium)`;
  process.env['VK_ICD_FILENAMES'] = driver;
  loaded ??= koffi.load(loader, { global: true });
  return undefined;
}
