/** The product's engines as they are measured on a GPU. */
import { createEngine } from '../extension/training/engines/create';
import type { Engine, Precision } from '../extension/training/engines/engine';

export const gpuContestants = {
  'compiled-webgpu': { kind: 'compiled-webgpu', precision: 'float32' },
  wgsl: { kind: 'wgsl', precision: 'float32' },
  'wgsl float16': { kind: 'wgsl', precision: 'float16' },
} as const;

export type GpuContestant = keyof typeof gpuContestants;

export async function openContestant(name: GpuContestant): Promise<{ engine: Engine; precision: Precision }> {
  const { kind, precision } = gpuContestants[name];
  const { engine } = await createEngine({ kind, precision, threads: 1 });
  return { engine, precision };
}
