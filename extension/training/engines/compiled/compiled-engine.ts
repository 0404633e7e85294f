/** Programs traced once, optimised, and run by ONNX Runtime: on the CPU, or on a GPU through WebGPU. */
import { version_core } from '@tensorflow/tfjs-core';
import { env } from 'onnxruntime-node';
import { usableThreads } from '../../../core/config/usable-threads';
import type { NamedTensors } from '../../../core/tensors';
import { refuseFloat16, refuseInt8 } from '../check-values';
import type { TakenDevice } from '../devices/take-vulkan';
import type { CompiledProgram, Engine, Program, StateStore } from '../engine';
import { interfaceOf } from '../engine';
import type { CompileOptions } from './compile';
import { compile } from './compile';
import { OnnxProgram } from './compiled-program';
import { CompiledState } from './compiled-state';
import type { Device } from './device';
import { openSession } from './session';
import { SplitProgram } from './split-program';
import { Updates } from './updates/run-updates';
import { WebGpuProgram } from './webgpu-program';
import { WebGpuState } from './webgpu-state';
import { WebGpuTransfer } from './webgpu-transfer';

export interface CompiledEngineOptions extends CompileOptions {
  /** Compute threads of the CPU; 0 is every core, or `MIM_THREADS`. */
  readonly threads?: number;
  /** The GPU; absent: the one that the system gives. */
  readonly taken?: TakenDevice;
}

export class CompiledEngine implements Engine {
  readonly kind: string;
  readonly threads: number;
  private readonly device: Device;

  private constructor(
    private readonly options: CompiledEngineOptions,
    private readonly transfer?: WebGpuTransfer,
  ) {
    this.device = options.device ?? 'cpu';
    this.kind = `compiled-${this.device}`;
    this.threads = options.threads || usableThreads();
  }

  /** @throws UserError MIM4007 where `device` is one that this machine does not have */
  static async create(options: CompiledEngineOptions = {}): Promise<CompiledEngine> {
    return new CompiledEngine(options, options.device === 'webgpu' ? await WebGpuTransfer.open(options.taken) : undefined);
  }

  describe(): Record<string, string | number> {
    const runtime = { engine: this.kind, onnxruntime: env.versions.node ?? env.versions.common, tfjs: version_core, threads: this.threads };
    return this.transfer ? { ...runtime, device: this.transfer.gpu } : runtime;
  }

  createState(values: NamedTensors): StateStore {
    return this.transfer ? new WebGpuState(values, this.transfer) : new CompiledState(values);
  }

  /** @throws UserError MIM4003 for a program that shall compute in float16, or on a GPU in int8 */
  async compile(program: Program): Promise<CompiledProgram> {
    if (this.device !== 'cpu') refuseInt8(program, this.kind);
    refuseFloat16(program, this.kind);
    const { graph, split } = compile(program, this.options);
    const known = interfaceOf(program);
    if (split) return new SplitProgram(known, await openSession(split.step, this.threads, 'cpu', 'one'), new Updates(graph, split.updates));
    const opened = await openSession(graph, this.threads, this.device);
    return this.transfer ? new WebGpuProgram(known, opened, this.transfer) : new OnnxProgram(known, opened);
  }

  async dispose(): Promise<void> {
    await this.transfer?.dispose();
  }
}
