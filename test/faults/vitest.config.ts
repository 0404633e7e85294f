/** Kills, full disks and damaged files, with the built program in processes of its own. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/faults/**/*.test.ts'], pool: 'forks', maxWorkers: 2, testTimeout: 120_000, hookTimeout: 120_000 },
});
