// Bundles every program of the product into dist/. Native packages and tfjs stay outside the bundles:
// the first because they load libraries beside themselves, the second because it must exist once a process.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const external = ['onnxruntime-node', 'sharp', 'koffi', '@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu', '@tensorflow/tfjs-backend-wasm'];

/** @param {{ outdir?: string, production?: boolean }} [options] production: small, without maps and the repository's own programs. */
export async function bundle({ outdir = 'dist', production = false } = {}) {
  const common = { bundle: true, sourcemap: !production, logLevel: 'warning' };
  // Errors are told apart by their names.
  const node = { ...common, platform: 'node', target: 'node20', minify: production, keepNames: production };

  await build({
    ...node,
    entryPoints: {
      mim: 'extension/cli/mim.ts',
      'loader-thread': 'extension/training/data/loader-thread.ts',
      ...(production ? {} : { quickstart: 'extension/cli/quickstart.ts' }),
    },
    outdir,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    external,
    // CommonJS packages inside an ESM bundle still call require().
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  });

  // The extension's host loads CommonJS. It never holds an engine: training runs as `mim`, in processes of its own.
  await build({
    ...node,
    entryPoints: { extension: 'extension/extension.ts' },
    outdir,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    external: ['vscode'],
    // A CommonJS bundle has no import.meta.url.
    define: { 'import.meta.url': '__moduleUrl' },
    banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  });

  await build({
    ...common,
    entryPoints: { dashboard: 'webview/dashboard/main.ts', checkpoint: 'webview/checkpoint/main.ts' },
    outdir: path.join(outdir, 'webview'),
    minify: true,
    platform: 'browser',
    target: 'chrome128',
    format: 'iife',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle({ production: process.argv.includes('--production') });
