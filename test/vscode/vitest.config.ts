/** Tests in a real VS Code: two windows at once, since each brings a server, an extension host and a browser, and mostly waits. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/vscode/**/*.vscode.ts'],
    globalSetup: 'test/vscode/set-up.ts',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
