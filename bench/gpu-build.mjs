/** Bundles `bench:gpu` with what it reads into dist/gpu; ONNX Runtime is found as a package, and koffi, which only explains what is missing, may be absent. */
import { build } from 'esbuild';
import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const built = join(root, 'dist', 'gpu');

/** No picture is decoded here: without this, a machine would need sharp's libraries only because modules name it. */
const withoutSharp = {
  name: 'without-sharp',
  setup(bundler) {
    bundler.onResolve({ filter: /^sharp$/ }, () => ({ path: 'sharp', namespace: 'absent' }));
    bundler.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'const absent = new Proxy(() => absent, { get: () => absent }); export default absent;' }));
  },
};

// Of the parts that are called by what they hold, those of an earlier build are left behind.
rmSync(built, { recursive: true, force: true });
await build({
  entryPoints: ['gpu', 'gpu-step', 'gpu-parity'].map((name) => join(root, 'bench', `${name}.ts`)),
  outdir: built,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  // In parts: the native engine cannot be loaded without koffi, and is not asked for here.
  splitting: true,
  platform: 'node',
  format: 'esm',
  external: ['koffi', 'onnxruntime-node', '@tensorflow/tfjs-backend-*'],
  plugins: [withoutSharp],
  // TensorFlow.js asks for modules of Node by `require`.
  banner: { js: "import { createRequire as requirerOf } from 'node:module'; const require = requirerOf(import.meta.url);" },
  logLevel: 'warning',
});
cpSync(join(root, 'bench', 'step_torch.py'), join(built, 'step_torch.py'));
cpSync(join(root, 'test', 'parity', 'fixtures'), join(built, 'fixtures'), { recursive: true });
