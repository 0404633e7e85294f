/** How ONNX Runtime is asked to run a graph. */
import type { InferenceSession } from 'onnxruntime-node';
import type { Device } from './device';

const shared: InferenceSession.SessionOptions = { executionMode: 'sequential', interOpNumThreads: 1, logSeverityLevel: 3 };

export function sessionOptions(device: Device, threads: number): InferenceSession.SessionOptions {
  if (device === 'webgpu') {
    // More than basic optimisation brings operations that this provider lacks, each of which would be a trip to the CPU.
    return { ...shared, executionProviders: [{ name: 'webgpu' }], graphOptimizationLevel: 'basic', intraOpNumThreads: 1 };
  }
  return {
    ...shared,
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    // Waiting threads sleep instead of spinning: the cores are shared with the loader's threads, and with spinning a
    // step on a busy machine took twice as long and 1.6 times the processor time.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}
