/** How ONNX Runtime is asked to run a graph. */
import type { InferenceSession } from 'onnxruntime-node';
import type { Device } from './device';

const SPIN_MICROSECONDS = '10';

const shared: InferenceSession.SessionOptions = { executionMode: 'sequential', interOpNumThreads: 1, logSeverityLevel: 3 };

export function sessionOptions(device: Device, threads: number): InferenceSession.SessionOptions {
  if (device === 'webgpu') {
    // More than basic optimisation brings operations that this provider lacks, each of which would be a trip to the CPU.
    return { ...shared, executionProviders: [{ name: 'webgpu' }], graphOptimizationLevel: 'basic', intraOpNumThreads: 1 };
  }
  return {
    ...shared,
    executionProviders: ['cpu'],
    // A plan of memory is a second home for all activations, beside that of the first run, which has none yet.
    enableMemPattern: false,
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    // Kernels follow each other within microseconds, so a thread that waits for the next one spins for about as long, and then
    // sleeps: the cores are shared with the loader's threads, and with endless spinning a step on a busy machine took 1.4 to 2 times as long.
    extra: { session: { intra_op: { allow_spinning: '1', spin_duration_us: SPIN_MICROSECONDS }, force_spinning_stop: '1' } },
  };
}
