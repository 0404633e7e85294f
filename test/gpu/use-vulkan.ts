/** Each test process, and what it starts, finds Dawn, and the GPU in software. */
import { SOFTWARE_VULKAN, useSoftwareVulkan, wantsRealGpu } from '../software-vulkan';
import { obtainWgsl } from '../unit/engines/obtain-engines';

const dawn = await obtainWgsl();
if ('engines' in dawn) process.env['MIM_ENGINES'] = dawn.engines;

if (!wantsRealGpu) {
  await useSoftwareVulkan();
  // For processes that are started; in this one the loader is there already.
  process.env['LD_LIBRARY_PATH'] = SOFTWARE_VULKAN;
}
