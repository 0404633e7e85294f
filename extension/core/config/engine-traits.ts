/** What the engines compute on and in. */
import type { EngineConfig } from './schema';

const gpuEngines: ReadonlySet<EngineConfig['kind']> = new Set<EngineConfig['kind']>(['wgsl', 'compiled-webgpu', 'tfjs-node-gpu', 'tfjs-webgpu']);

export function computesOnGpu(kind: EngineConfig['kind']): boolean {
  return gpuEngines.has(kind);
}

/** Those that compile steps for the processor, fastest first. A GPU's engine is measured against the first that works. */
export const compiledForProcessor: readonly Exclude<EngineConfig['kind'], 'auto'>[] = ['native', 'compiled-cpu'];

/** Whether an experiment says that it needs one: `auto` alone leaves it open; half precision is of one engine, on a GPU. */
export function needsGpu({ kind, device, precision }: Pick<EngineConfig, 'kind' | 'device' | 'precision'>): boolean {
  return computesOnGpu(kind) || (kind === 'auto' && (device !== undefined || precision === 'float16'));
}

/** Whether an engine rounds products of whole matrices to half precision where it is asked to. */
export function computesInFloat16(kind: EngineConfig['kind']): boolean {
  return kind === 'wgsl';
}

/** Whether an engine computes products with frozen weights in int8; of `native`, on processors with VNNI. */
export function computesInInt8(kind: EngineConfig['kind']): boolean {
  return compiledForProcessor.some((one) => one === kind);
}

/** An experiment's engine for what is computed in float32 whatever its training rounds to. */
export function inFloat32<Asked extends Partial<Pick<EngineConfig, 'precision'>>>({ precision: _precision, ...asked }: Asked): Omit<Asked, 'precision'> {
  return asked;
}
