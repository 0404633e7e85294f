/**
 * TensorFlow.js has one global backend a process. Engines therefore set theirs at the start of every stretch of
 * synchronous work and put the former one back, so that several engines can be used in turn.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { DeviceWish } from '../../core/config/device-wish';
import { registerWasmOneHot } from './eager/wasm-one-hot';

/** As TensorFlow.js calls them; `tensorflow` is that of tfjs-node-gpu. */
export type TfjsBackendName = 'cpu' | 'wasm' | 'tensorflow' | 'webgpu';

/** What is to be told of a backend: versions of what is beneath it, the device. */
type Facts = Readonly<Record<string, string>>;

const initialising = new Map<TfjsBackendName, Promise<Facts>>();

async function initialise(name: TfjsBackendName, device: DeviceWish | undefined): Promise<Facts> {
  // Keeps TensorFlow.js from advertising its other backends on the console.
  tf.enableProdMode();
  switch (name) {
    case 'cpu':
      await import('@tensorflow/tfjs-backend-cpu');
      return {};
    case 'wasm':
      await startWasm();
      return {};
    case 'tensorflow': {
      const { startNodeGpu } = await import('./eager/node-gpu');
      return startNodeGpu(device);
    }
    case 'webgpu': {
      const { startWebgpu } = await import('./eager/webgpu');
      const { takeDevice } = await import('./devices/take-vulkan');
      return startWebgpu(await takeDevice(device, 'name'));
    }
  }
}

async function startWasm(): Promise<void> {
  await import('@tensorflow/tfjs-backend-wasm');
  registerWasmOneHot();
  // wasm starts asynchronously. Letting TensorFlow.js wait for it would leave the process without a working backend
  // meanwhile, so it is started beside it and registered again, ready.
  const started = await tf.findBackendFactory('wasm')();
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', () => started);
}

/** Loads and starts a backend once, on the device that is asked for then; the kernels register themselves on import. */
export function loadTfjsBackend(name: TfjsBackendName, device?: DeviceWish): Promise<Facts> {
  let promise = initialising.get(name);
  if (!promise) {
    promise = initialise(name, device);
    initialising.set(name, promise);
  }
  return promise;
}

function currentBackend(): string | undefined {
  const { backendName } = tf.engine();
  return backendName || undefined;
}

function switchTo(name: string): void {
  if (tf.engine().backendName === name) return;
  // Synchronous, in spite of the promise: both backends are made without waiting.
  void tf.setBackend(name);
}

/** Runs `work`, which must be synchronous, with the given backend as TensorFlow.js's own. */
export function onBackend<T>(name: string, work: () => T): T {
  const former = currentBackend();
  switchTo(name);
  try {
    return work();
  } finally {
    if (former !== undefined) switchTo(former);
  }
}
