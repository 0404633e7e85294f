// Bundles every program of the product into dist/. Native packages and tfjs stay outside the bundles:
// the first because they load libraries beside themselves, the second because it must exist once a process.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

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

  await bundleExtension({ node, outdir });

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

/**
 * The extension's host loads CommonJS. It never holds an engine: training runs as `mim`, in processes of its own.
 * What is imported when it is needed lies in files of its own, so that VS Code need not read it to begin. esbuild splits
 * only ES modules; so they are made first and each file is then turned into CommonJS.
 */
async function bundleExtension({ node, outdir }) {
  const { outputFiles } = await build({
    ...node,
    entryPoints: { extension: 'extension/extension.ts' },
    outdir,
    outExtension: { '.js': '.cjs' },
    splitting: true,
    chunkNames: 'extension/[name]-[hash]',
    format: 'esm',
    external: ['vscode'],
    // A CommonJS file has no import.meta.url.
    define: { 'import.meta.url': '__moduleUrl' },
    write: false,
  });
  const banner = "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;";
  await rm(path.join(outdir, 'extension'), { recursive: true, force: true });
  await mkdir(path.join(outdir, 'extension'), { recursive: true });
  for (const { path: file, text } of outputFiles) {
    if (file.endsWith('.map')) continue;
    // Only Node's own loader is asked: `import()` would go through that of ES modules.
    const { code } = await transform(text, { format: 'cjs', platform: 'node', target: 'node20', supported: { 'dynamic-import': false }, banner, sourcemap: node.sourcemap ? 'inline' : false, minify: node.minify });
    await writeFile(file, code);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle({ production: process.argv.includes('--production') });
