/** There must be a GPU to test on, and Dawn: once before all tests, since they may have to be installed. */
import { useSoftwareVulkan, wantsRealGpu } from '../software-vulkan';
import { obtainWgsl } from '../unit/engines/obtain-engines';

export default async function requireVulkan(): Promise<void> {
  const dawn = await obtainWgsl();
  if ('unobtainable' in dawn) throw new Error(`These tests need the npm package webgpu: ${dawn.unobtainable}`);
  if (wantsRealGpu) return;
  const missing = await useSoftwareVulkan();
  if (missing !== undefined) throw new Error(`These tests need Vulkan in software: ${missing}; or a GPU, with MIM_TEST_GPU=1.`);
}
