/** TensorFlow on an NVIDIA GPU, through the installed @tensorflow/tfjs-node-gpu. */
import type { DeviceWish } from '../../../core/config/device-wish';
import { UserError } from '../../../core/problems';
import { takeCudaDevice } from '../devices/take-cuda';
import { failedChecks } from '../installed/check';
import { cudaChecks, nvidiaDriver } from '../installed/cuda-libraries';
import { requireInstallation } from '../installed/find-installation';
import { loadBinding } from '../installed/node-gpu-binding';
import { registerNodeGpu } from './node-gpu-kernels';

/**
 * Registers the backend. It also computes on the processor; but who asks for this engine means the GPU, so without one it
 * does not start.
 * @param wish the device; absent: the one that CUDA gives
 * @returns what is to be told of it
 * @throws UserError MIM4004–MIM4006 where it is not installed, MIM4007 where it sees no GPU, MIM4013 where there is no such device
 */
export async function startNodeGpu(wish?: DeviceWish): Promise<Record<string, string>> {
  // Asked first: without a driver there is nothing to install, and no need to load a gigabyte.
  const driver = await nvidiaDriver();
  if (!driver.ok) throw new UserError('MIM4007', driver.detail, driver.hint);
  const { folder } = requireInstallation('tfjs-node-gpu');
  // CUDA looks at the environment when it is loaded.
  const device = takeCudaDevice(wish);
  const binding = loadBinding(folder);
  if (!binding.isUsingGpuDevice()) {
    const missing = failedChecks(await cudaChecks());
    throw new UserError('MIM4007', `TensorFlow sees no CUDA GPU: ${missing.length > 0 ? missing.map(({ detail }) => detail).join('; ') : 'all its libraries load, see what it writes to stderr'}`, missing[0]?.hint);
  }
  registerNodeGpu(folder, binding);
  return { tensorflow: binding.TF_Version, device: device ?? 'CUDA' };
}
