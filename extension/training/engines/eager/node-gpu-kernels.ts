/** The JavaScript half of @tensorflow/tfjs-node-gpu: its backend and kernels. */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import type { NodeGpuBinding } from '../installed/node-gpu-binding';
import { withOwnTfjs } from '../installed/own-modules';

/** The name that the package's kernels are registered under. */
const BACKEND = 'tensorflow';

interface BackendModule {
  readonly NodeJSKernelBackend: new (binding: NodeGpuBinding, packageName: string) => tf.KernelBackend;
}

/** @param folder of the package */
export function registerNodeGpu(folder: string, binding: NodeGpuBinding): void {
  bringBackRemovedFunctions();
  // Its files ask for the union of all of TensorFlow.js, and use of it only what is in tfjs-core.
  const { NodeJSKernelBackend } = withOwnTfjs(folder, '@tensorflow/tfjs', (load) => {
    const backend = load('./dist/nodejs_kernel_backend.js') as BackendModule;
    load('./dist/register_all_kernels.js');
    return backend;
  });
  tf.registerBackend(BACKEND, () => new NodeJSKernelBackend(binding, '@tensorflow/tfjs-node-gpu'));
}

/** Node 23 removed these two from `util`, and Node 22 warns of them; the package calls them in every kernel. */
function bringBackRemovedFunctions(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  util['isNullOrUndefined'] = (value: unknown): boolean => value === null || value === undefined;
  util['isArray'] = Array.isArray;
}
