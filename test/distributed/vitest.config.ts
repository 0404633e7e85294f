/** One training over several processes, joined by a real MPI: `npm run test:distributed`. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/distributed/**/*.distributed.ts'],
    globalSetup: ['test/distributed/require-mpi.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
