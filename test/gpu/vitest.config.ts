/** The compiled engine on WebGPU, on a GPU in software: `npm run test:gpu`. With MIM_TEST_GPU=1 on the GPU that is there. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/gpu/**/*.gpu.ts'],
    globalSetup: ['test/gpu/require-vulkan.ts'],
    setupFiles: ['test/gpu/use-vulkan.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Most of the time goes into shaders that are compiled: the slowest take a minute and a half.
    testTimeout: 400_000,
    hookTimeout: 400_000,
  },
});
