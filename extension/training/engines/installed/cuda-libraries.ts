/**
 * The libraries that TensorFlow 2.9 opens when it looks for a GPU (tensorflow.org, "Tested build configurations": CUDA 11.2,
 * cuDNN 8.1). It takes no GPU where one of them is missing. They are asked of the system's loader, as TensorFlow asks.
 */
import type { Check } from './check';
import { openedBySystem, type Opener } from './library-opener';

const DRIVER = 'libcuda.so.1';
const CUDA_11 = ['libcudart.so.11.0', 'libcublas.so.11', 'libcublasLt.so.11', 'libcufft.so.10', 'libcurand.so.10', 'libcusolver.so.11', 'libcusparse.so.11'];
const CUDNN_8 = ['libcudnn.so.8'];

export async function nvidiaDriver(open: Opener = openedBySystem): Promise<Check> {
  const detail = await missing([DRIVER], open);
  if (detail === undefined) return { name: 'NVIDIA driver', ok: true, neededTo: 'run', detail: `${DRIVER} loads` };
  return { name: 'NVIDIA driver', ok: false, neededTo: 'run', detail: `no NVIDIA driver (${detail})`, hint: 'Install the driver of the GPU, 450.80 or newer (`nvidia-smi` then lists it); in a container, start it with its GPUs (`--gpus all`).' };
}

export async function cudaChecks(open: Opener = openedBySystem): Promise<Check[]> {
  return [
    await nvidiaDriver(open),
    await libraries('CUDA 11', CUDA_11, 'Install the CUDA 11 runtime (11.2 is what TensorFlow 2.9 was built with, 11.8 is the newest; 12 has other names), and add its lib64 folder to LD_LIBRARY_PATH before `mim` starts.', open),
    await libraries('cuDNN 8', CUDNN_8, 'Install cuDNN 8 for CUDA 11, and add its lib folder to LD_LIBRARY_PATH before `mim` starts.', open),
  ];
}

async function libraries(name: string, files: readonly string[], hint: string, open: Opener): Promise<Check> {
  const detail = await missing(files, open);
  if (detail === undefined) return { name, ok: true, neededTo: 'run', detail: `${files.join(', ')} ${files.length === 1 ? 'loads' : 'load'}` };
  return { name, ok: false, neededTo: 'run', detail: `${name} is incomplete (${detail})`, hint };
}

/** `a, b: why`; undefined where all load. */
async function missing(files: readonly string[], open: Opener): Promise<string | undefined> {
  const byReason = new Map<string, string[]>();
  for (const file of files) {
    const reason = await open(file);
    if (reason !== undefined) byReason.set(reason, [...(byReason.get(reason) ?? []), file]);
  }
  return byReason.size === 0 ? undefined : [...byReason].map(([reason, names]) => `${names.join(', ')}: ${reason}`).join('; ');
}
