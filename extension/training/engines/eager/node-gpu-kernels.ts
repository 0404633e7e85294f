/**
 * The JavaScript half of @tensorflow/tfjs-node-gpu, loaded so that its kernels compute for the copy of TensorFlow.js that is
 * used here.
 *
 * Its files ask for `@tensorflow/tfjs`, the union of all of TensorFlow.js, of which the package brings a copy. Loaded, that copy
 * would register its own backends and gradients over those of this process, for TensorFlow.js keeps them in one place whatever
 * the number of copies. All that the files use of it is in tfjs-core; so they are handed that, through the cache of modules.
 */
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { NodeGpuBinding } from '../installed/node-gpu-binding';

/** The name that the package's kernels are registered under. */
export const NODE_GPU_BACKEND = 'tensorflow';

const PACKAGE = '@tensorflow/tfjs-node-gpu';

interface BackendModule {
  readonly NodeJSKernelBackend: new (binding: NodeGpuBinding, packageName: string) => tf.KernelBackend;
}

/** @param folder of the package */
export function registerNodeGpu(folder: string, binding: NodeGpuBinding): void {
  bringBackRemovedFunctions();
  const { NodeJSKernelBackend } = withOwnTfjs(folder, (load) => {
    const backend = load('./dist/nodejs_kernel_backend.js') as BackendModule;
    load('./dist/register_all_kernels.js');
    return backend;
  });
  tf.registerBackend(NODE_GPU_BACKEND, () => new NodeJSKernelBackend(binding, PACKAGE));
}

/** Whatever the package's files load while `work` runs finds tfjs-core under the name of the union. */
function withOwnTfjs<T>(folder: string, work: (load: NodeJS.Require) => T): T {
  const load = createRequire(path.join(folder, 'package.json'));
  const place = load.resolve('@tensorflow/tfjs');
  const former = load.cache[place];
  const standIn = new Module(place);
  standIn.exports = createRequire(import.meta.url)('@tensorflow/tfjs-core') as unknown;
  standIn.loaded = true;
  load.cache[place] = standIn;
  try {
    return work(load);
  } finally {
    if (former) load.cache[place] = former;
    else delete load.cache[place];
  }
}

/** Node 23 removed these two from `util`, and Node 22 warns of them; the package calls them in every kernel. */
function bringBackRemovedFunctions(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  util['isNullOrUndefined'] = (value: unknown): boolean => value === null || value === undefined;
  util['isArray'] = Array.isArray;
}
