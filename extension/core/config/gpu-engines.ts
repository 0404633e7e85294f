/** Which engines compute on a GPU. */
import type { EngineConfig } from './schema';

const gpuEngines: ReadonlySet<EngineConfig['kind']> = new Set<EngineConfig['kind']>(['wgsl', 'compiled-webgpu', 'tfjs-node-gpu', 'tfjs-webgpu']);

export function computesOnGpu(kind: EngineConfig['kind']): boolean {
  return gpuEngines.has(kind);
}

/** Whether an experiment says that it needs one: `auto` alone leaves it open; half precision is of one engine, on a GPU. */
export function needsGpu({ kind, device, precision }: Pick<EngineConfig, 'kind' | 'device' | 'precision'>): boolean {
  return computesOnGpu(kind) || (kind === 'auto' && (device !== undefined || precision === 'float16'));
}
