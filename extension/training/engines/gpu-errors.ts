/** What a runtime says of a GPU, as what happened and what to do. */
import { UserError } from '../../core/problems';

/** Its messages begin with files of its own build; what went wrong stands at the end. */
const shownOfMessage = 300;

const NO_MEMORY = /out of (device )?memory|not enough memory|OUT_OF_(DEVICE|HOST)_MEMORY|failed to allocate/i;
const LOST = /device (is |was )?lost|DEVICE_LOST/i;

export const GPU_LOST = 'MIM4011';
export const GPU_FULL = 'MIM4012';

function words(error: unknown): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).trim().split('\n');
  return first.length > shownOfMessage ? `…${first.slice(-shownOfMessage)}` : first;
}

/** @param doing as `it ran "training step"` */
export function gpuFull(doing: string, said: string): UserError {
  return new UserError(GPU_FULL, `The GPU was out of memory as ${doing}: ${said}`, 'Use a smaller `optimizer.batch_size` or a larger `optimizer.accumulate`, or end what else uses the GPU.');
}

/** Nothing can be computed after it, whatever it came up in. */
export function isGpuLost(error: unknown): boolean {
  return error instanceof UserError && error.code === GPU_LOST;
}

/** @param doing as `it ran "training step"` */
export function explainedGpuError(error: unknown, doing: string): unknown {
  const said = error instanceof Error ? error.message : String(error);
  // A device out of memory may be lost by it: that is the one to mend.
  if (NO_MEMORY.test(said)) return gpuFull(doing, words(error));
  if (LOST.test(said)) return new UserError(GPU_LOST, `The GPU was lost as ${doing}: ${words(error)}`, 'Its driver was reset or it was taken away: look at the log of the system (`dmesg`). What was computed since the last checkpoint is gone.');
  return error;
}

/** @throws what `explainedGpuError` makes of what `work` throws */
export async function onGpu<Result>(doing: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw explainedGpuError(error, doing);
  }
}

/** Why no device is had at all. */
export function noGpu(error: unknown): UserError {
  const what = /adapter/i.test(words(error)) ? 'WebGPU finds no GPU' : `WebGPU does not start (${words(error)})`;
  const needs = process.platform === 'linux' ? 'it needs the Vulkan driver of the GPU and libvulkan.so.1 (Debian: `apt-get install libvulkan1`; in a container with `--gpus all` also NVIDIA_DRIVER_CAPABILITIES=all)' : 'it needs the driver of the GPU';
  return new UserError('MIM4007', `${what}; ${needs}.`);
}
