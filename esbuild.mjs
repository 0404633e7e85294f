// Bundles every program of the product into dist/. Native packages and tfjs stay outside the bundles:
// the first because they load libraries beside themselves, the second because it must exist once a process.
import { build } from 'esbuild';

const external = ['onnxruntime-node', 'sharp', '@tensorflow/*'];

await build({
  entryPoints: {
    mim: 'extension/cli/mim.ts',
    quickstart: 'extension/cli/quickstart.ts',
    'loader-thread': 'extension/training/data/loader-thread.ts',
  },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external,
  sourcemap: true,
  logLevel: 'warning',
  // CommonJS packages inside an ESM bundle still call require().
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
});
