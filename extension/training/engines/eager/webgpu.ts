/** TensorFlow.js's own WebGPU backend, over Dawn instead of a browser. */
import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../../core/problems';
import { deviceAtWork, type TakenDevice } from '../devices/take-vulkan';
import { adapterText, fastestAdapter, loadDawn, type GpuAdapter } from '../installed/dawn';
import { requireInstallation } from '../installed/find-installation';
import { withOwnTfjs } from '../installed/own-modules';

const BACKEND = 'webgpu';

interface BackendModule {
  readonly WebGPUBackend: new (device: object, info: GpuAdapter['info']) => tf.KernelBackend;
}

/** Limits of a device are the least that WebGPU promises unless more is asked for. */
const LIMITS = ['maxComputeWorkgroupStorageSize', 'maxComputeWorkgroupsPerDimension', 'maxStorageBufferBindingSize', 'maxBufferSize', 'maxComputeWorkgroupSizeX', 'maxComputeInvocationsPerWorkgroup'];

/**
 * Registers the backend.
 * @param taken the device; absent: the one that the system gives
 * @returns what is to be told of it
 * @throws UserError MIM4004, MIM4005 where it is not installed, MIM4007 where there is no adapter
 */
export async function startWebgpu(taken?: TakenDevice): Promise<Record<string, string>> {
  const { folder } = requireInstallation('tfjs-webgpu');
  const dawn = await loadDawn(folder, [], taken?.adapter);
  const adapter = await fastestAdapter(dawn);
  if (!adapter) throw new UserError('MIM4007', 'WebGPU finds no adapter', 'On Linux it needs the Vulkan driver of the GPU and libvulkan.so.1 (Debian: `apt-get install libvulkan1`).');
  // Loaded before there is a `navigator.gpu`: it would register a device of its own.
  const { WebGPUBackend } = withOwnTfjs(folder, '@tensorflow/tfjs-core', (load) => load('./dist/tf-backend-webgpu.node.js') as BackendModule);
  actAsBrowser(dawn.globals, dawn.gpu);
  const device = await adapter.requestDevice({ requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]!])) });
  const backend = new WebGPUBackend(device, adapter.info);
  tf.registerBackend(BACKEND, () => backend);
  return { device: taken?.text ?? (await deviceAtWork()) ?? adapterText(adapter) };
}

/** The backend looks for these where a browser has them. */
function actAsBrowser(globals: object, gpu: object): void {
  for (const [name, value] of Object.entries(globals)) if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true });
  if (!('navigator' in globalThis)) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  Object.defineProperty(Reflect.get(globalThis, 'navigator') as object, 'gpu', { value: gpu, configurable: true });
}
