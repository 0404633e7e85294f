/** Programs traced once, optimised, and run as kernels of our own on a GPU, through WebGPU. */
import { version_core } from '@tensorflow/tfjs-core';
import { UserError } from '../../../core/problems';
import type { NamedTensors } from '../../../core/tensors';
import { compile } from '../compiled/compile';
import type { CompiledProgram, Engine, Program, StateStore } from '../engine';
import { fastestAdapter, loadDawn, type Dawn } from '../installed/dawn';
import { requireInstallation } from '../installed/find-installation';
import { WgslDevice } from './wgsl-device';
import { WgslProgram } from './wgsl-program';
import { WgslState } from './wgsl-state';

export class WgslEngine implements Engine {
  readonly kind = 'wgsl';
  /** The host only writes commands. */
  readonly threads = 1;

  private constructor(
    private readonly device: WgslDevice,
    private readonly name: string,
    /** Dawn ends with the last reference to it, devices or not. */
    readonly dawn: Dawn,
  ) {}

  static async create(): Promise<WgslEngine> {
    const dawn = await loadDawn(requireInstallation('wgsl').folder);
    const adapter = await fastestAdapter(dawn);
    if (!adapter) throw new UserError('MIM4007', 'WebGPU finds no adapter', 'On Linux it needs the Vulkan driver of the GPU and libvulkan.so.1 (Debian: `apt-get install libvulkan1`).');
    for (const [name, value] of Object.entries(dawn.globals)) if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true });
    const limits = ['maxComputeWorkgroupStorageSize', 'maxStorageBufferBindingSize', 'maxBufferSize', 'maxComputeInvocationsPerWorkgroup'];
    const gpu = (await adapter.requestDevice({ requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]!])) })) as GPUDevice;
    return new WgslEngine(new WgslDevice(gpu), adapter.info.description || adapter.info.vendor, dawn);
  }

  describe(): Record<string, string | number> {
    return { engine: this.kind, tfjs: version_core, device: this.name, threads: this.threads };
  }

  createState(values: NamedTensors): StateStore {
    return new WgslState(this.device, values);
  }

  async compile(program: Program): Promise<CompiledProgram> {
    const { graph } = compile(program, { device: 'wgsl' });
    return WgslProgram.create(this.device, program, graph);
  }

  dispose(): Promise<void> {
    this.device.gpu.destroy();
    return Promise.resolve();
  }
}
