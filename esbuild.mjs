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

// The extension's host loads CommonJS. It never holds an engine: training runs as `mim`, in processes of its own.
await build({
  entryPoints: { extension: 'extension/extension.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['vscode'],
  sourcemap: true,
  // A CommonJS bundle has no import.meta.url.
  define: { 'import.meta.url': '__moduleUrl' },
  banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
});

await build({
  entryPoints: { dashboard: 'webview/dashboard/main.ts', checkpoint: 'webview/checkpoint/main.ts' },
  outdir: 'dist/webview',
  bundle: true,
  minify: true,
  platform: 'browser',
  target: 'chrome128',
  format: 'iife',
  sourcemap: true,
  logLevel: 'warning',
});
