/** Ranks of one machine compute on a GPU each, where there are several. */
import { wishedDevice, type DeviceWish } from '../../core/config/device-wish';
import { computesOnGpu } from '../../core/config/engine-traits';
import type { EngineConfig } from '../../core/config/schema';
import { findGpus } from '../../core/queue/find-gpus';
import { devicesHere } from '../engines/devices/take-vulkan';
import type { Ranks } from './ranks';

/**
 * Round about where there are more ranks than GPUs. A device that somebody named goes before it, as does a launcher that shows each rank
 * its own GPU (Slurm, which sets CUDA_VISIBLE_DEVICES). `auto` may take the processor: rank 0 computes where the system says, and tells the others the engine's name.
 * @param count of GPUs, for tests
 * @returns with `given`, which is had where it can be
 */
export async function withRankDevice<Asked extends Pick<EngineConfig, 'kind' | 'device'>>(asked: Asked, ranks: Pick<Ranks, 'localRank'> | undefined, count: () => Promise<number> = gpusHere): Promise<Asked & { readonly given?: DeviceWish }> {
  const isPlaced = wishedDevice(asked.device) !== undefined || process.env['CUDA_VISIBLE_DEVICES'] !== undefined;
  if (!ranks || !computesOnGpu(asked.kind) || isPlaced) return asked;
  const gpus = await count();
  return gpus > 1 ? { ...asked, given: ranks.localRank % gpus } : asked;
}

/** What this process can see; where that cannot be listed, what the system's files tell. */
async function gpusHere(): Promise<number> {
  const devices = await devicesHere();
  return devices.length > 0 ? devices.filter(({ kind }) => kind !== 'software').length : findGpus();
}
