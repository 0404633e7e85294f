/** Each test process, and what it starts, finds the GPU in software. */
import { SOFTWARE_VULKAN, useSoftwareVulkan, wantsRealGpu } from '../software-vulkan';

if (!wantsRealGpu) {
  await useSoftwareVulkan();
  // For processes that are started; in this one the loader is there already.
  process.env['LD_LIBRARY_PATH'] = SOFTWARE_VULKAN;
}
