/** The package as its users get it: made, installed into a clean VS Code, and run there. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/package/**/*.package.ts'], pool: 'forks', fileParallelism: false, testTimeout: 300_000, hookTimeout: 300_000 },
});
