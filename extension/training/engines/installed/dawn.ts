/** WebGPU outside a browser: Dawn, by the npm package `webgpu`, which carries it for Linux, macOS and Windows. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export interface GpuAdapter {
  readonly info: { readonly vendor: string; readonly description: string };
  readonly limits: Readonly<Record<string, number>>;
  readonly features: ReadonlySet<string>;
  requestDevice(descriptor: { readonly requiredFeatures?: readonly string[]; readonly requiredLimits: Readonly<Record<string, number>> }): Promise<object>;
}

export interface Gpu {
  requestAdapter(options: { readonly powerPreference: 'high-performance' }): Promise<GpuAdapter | null>;
}

export interface Dawn {
  readonly gpu: Gpu;
  /** The names that programs for browsers expect: GPUBufferUsage, … */
  readonly globals: object;
}

/** @param folder of a package beside which `webgpu` is installed */
export function dawnFile(folder: string): string {
  return createRequire(path.join(folder, 'package.json')).resolve('webgpu');
}

/** @param folder as for dawnFile @param toggles of Dawn that are switched on */
export async function loadDawn(folder: string, toggles: readonly string[] = []): Promise<Dawn> {
  const { create, globals } = (await import(pathToFileURL(dawnFile(folder)).href)) as { create(options: readonly string[]): Gpu; globals: object };
  return { gpu: create(toggles.length > 0 ? [`enable-dawn-features=${toggles.join(',')}`] : []), globals };
}

/** The fastest adapter; undefined where there is none. */
export async function fastestAdapter({ gpu }: Dawn): Promise<GpuAdapter | undefined> {
  return (await gpu.requestAdapter({ powerPreference: 'high-performance' })) ?? undefined;
}
