/** There must be a GPU to test on: once before all tests, since it may have to be installed. */
import { useSoftwareVulkan, wantsRealGpu } from '../software-vulkan';

export default async function requireVulkan(): Promise<void> {
  if (wantsRealGpu) return;
  const missing = await useSoftwareVulkan();
  if (missing !== undefined) throw new Error(`These tests need Vulkan in software: ${missing}; or a GPU, with MIM_TEST_GPU=1.`);
}
