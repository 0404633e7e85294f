/** WebGPU outside a browser: Dawn, by the npm package `webgpu`, which carries it for Linux, macOS and Windows. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../../../core/problems';
import { NO_SUCH_DEVICE } from '../devices/choose-device';

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

/** @param folder as for dawnFile @param toggles of Dawn that are switched on @param adapter a part of the one device's name that it is to have */
export async function loadDawn(folder: string, toggles: readonly string[] = [], adapter?: string): Promise<Dawn> {
  const { create, globals } = (await import(pathToFileURL(dawnFile(folder)).href)) as { create(options: readonly string[]): Gpu; globals: object };
  const options = [...(toggles.length > 0 ? [`enable-dawn-features=${toggles.join(',')}`] : []), ...(adapter === undefined ? [] : [`adapter=${adapter}`])];
  return { gpu: create(options), globals };
}

/** What there is to be told of it. */
export function adapterText({ info }: GpuAdapter): string {
  return info.description || info.vendor;
}

/** The fastest adapter; undefined where there is none. @throws UserError MIM4013 where none has the name that was asked for */
export async function fastestAdapter({ gpu }: Dawn): Promise<GpuAdapter | undefined> {
  try {
    return (await gpu.requestAdapter({ powerPreference: 'high-performance' })) ?? undefined;
  } catch (error) {
    const names = adapterNames(error instanceof Error ? error.message : '');
    if (names === undefined) throw error;
    throw new UserError(NO_SUCH_DEVICE, `WebGPU can use no device of that name, ${names.length === 0 ? 'and no other' : `only ${names.join(', ')}`}.`, 'Give `engine.device` a device that it can use, or leave it out.');
  }
}

/** Dawn lists its adapters where none has the name that was asked for: `name: '…'`. */
function adapterNames(message: string): string[] | undefined {
  return message.includes('Available adapters') ? [...message.matchAll(/name: '(.*)'/g)].map(([, name]) => name!) : undefined;
}
