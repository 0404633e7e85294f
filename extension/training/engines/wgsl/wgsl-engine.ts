/** Programs traced once, optimised, and run as kernels of our own on a GPU, through WebGPU. */
import { version_core } from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../../../core/tensors';
import { compile } from '../compiled/compile';
import { refuseFloat16, refuseInt8 } from '../check-values';
import type { CompiledProgram, Engine, Precision, Program, StateStore } from '../engine';
import { deviceAtWork, type TakenDevice } from '../devices/take-vulkan';
import { noGpu } from '../gpu-errors';
import { adapterText, fastestAdapter, loadDawn } from '../installed/dawn';
import { requireInstallation } from '../installed/find-installation';
import type { Products } from './matmul-kernel';
import { requireOverflow } from './require-overflow';
import { WgslDevice } from './wgsl-device';
import { WgslProgram } from './wgsl-program';
import { WgslState } from './wgsl-state';

type HalfProducts = Exclude<Products, 'float32'>;

export interface WgslEngineOptions {
  /** Of the programs that it will be given at most. Default: float32. */
  readonly precision?: Precision;
  /** Absent: the one that the system gives. */
  readonly taken?: TakenDevice;
}

/** What matrix units need; where one is missing, operands are rounded and multiplied as numbers of float32. */
const UNITS = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'];
/** Dawn keeps matrix units behind the one, and half precision on NVIDIA's cards behind the other. */
const UNIT_TOGGLES = ['allow_unsafe_apis', 'vulkan_enable_f16_on_nvidia'];

export class WgslEngine implements Engine {
  readonly kind = 'wgsl';
  /** The host only writes commands. */
  readonly threads = 1;

  private constructor(
    private readonly device: WgslDevice,
    private readonly name: string,
    private readonly half: HalfProducts | undefined,
  ) {}

  /** @throws UserError MIM4004, MIM4005 where Dawn is not installed, MIM4007 where there is no GPU, MIM4003 where its half precision is of no use */
  static async create({ precision = 'float32', taken }: WgslEngineOptions = {}): Promise<WgslEngine> {
    const halves = precision === 'float16';
    const dawn = await loadDawn(requireInstallation('wgsl').folder, halves ? UNIT_TOGGLES : [], taken?.adapter);
    const adapter = await fastestAdapter(dawn);
    if (!adapter) throw noGpu('no adapter');
    for (const [name, value] of Object.entries(dawn.globals)) if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true });
    const limits = ['maxComputeWorkgroupStorageSize', 'maxStorageBufferBindingSize', 'maxBufferSize', 'maxComputeInvocationsPerWorkgroup', 'maxStorageBuffersPerShaderStage'];
    const units = halves && UNITS.every((feature) => adapter.features.has(feature));
    const gpu = (await adapter.requestDevice({ requiredFeatures: units ? UNITS : [], requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]!])) })) as GPUDevice;
    const engine = new WgslEngine(new WgslDevice(gpu, dawn), taken?.text ?? (await deviceAtWork()) ?? adapterText(adapter), halves ? (units ? 'units' : 'float16') : undefined);
    try {
      if (halves) await requireOverflow(engine);
      return engine;
    } catch (error) {
      await engine.dispose();
      throw error;
    }
  }

  describe(): Record<string, string | number> {
    const products = { units: 'float16 on matrix units', float16: 'float16, no matrix units' };
    return { engine: this.kind, tfjs: version_core, device: this.name, ...(this.half && { products: products[this.half] }), threads: this.threads };
  }

  createState(values: NamedTensors): StateStore {
    return new WgslState(this.device, values);
  }

  /** @throws UserError MIM4003 for a program that shall compute in int8, or in half precision where the engine was not made for it */
  async compile(program: Program): Promise<CompiledProgram> {
    refuseInt8(program, this.kind);
    if (!this.half) refuseFloat16(program, this.kind);
    const { graph } = compile(program, { device: 'wgsl' });
    return WgslProgram.create(this.device, program, graph, program.precision === 'float16' ? this.half! : 'float32');
  }

  dispose(): Promise<void> {
    this.device.gpu.destroy();
    return Promise.resolve();
  }
}
