import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Minutes of processes that are killed and started again: `npm run test:faults`.
    exclude: [...configDefaults.exclude, 'test/faults/**'],
    pool: 'forks',
    maxWorkers: 2,
    // Tests leave nothing in the user's cache.
    env: { MIM_GRAPHS: 'off' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
