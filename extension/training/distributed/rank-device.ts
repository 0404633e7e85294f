/** Ranks of one machine compute on a GPU each, where there are several. */
import { wishedDevice } from '../../core/config/device-wish';
import { computesOnGpu } from '../../core/config/gpu-engines';
import type { EngineConfig } from '../../core/config/schema';
import { findGpus } from '../../core/queue/find-gpus';
import type { Ranks } from './ranks';

/**
 * Counted as the queue counts, round about where there are more ranks. A device that somebody named, or a launcher that shows each rank
 * its own GPU, goes before it; so does `auto`, which may take the processor.
 * @param count of GPUs, for tests
 */
export async function withRankDevice<Asked extends Pick<EngineConfig, 'kind' | 'device'>>(asked: Asked, ranks: Pick<Ranks, 'localRank'> | undefined, count: () => Promise<number> = findGpus): Promise<Asked> {
  if (!ranks || !computesOnGpu(asked.kind) || wishedDevice(asked.device) !== undefined) return asked;
  const gpus = await count();
  return gpus > 1 ? { ...asked, device: ranks.localRank % gpus } : asked;
}
