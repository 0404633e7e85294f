/** A real Slurm with two nodes on this machine. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/cluster/**/*.cluster.ts'], pool: 'forks', fileParallelism: false, testTimeout: 900_000, hookTimeout: 300_000 },
});
