/** Programs traced once, optimised, and run by ONNX Runtime: on the CPU, or on a GPU through WebGPU. */
import { version_core } from '@tensorflow/tfjs-core';
import { env } from 'onnxruntime-node';
import { usableThreads } from '../../../core/config/usable-threads';
import type { NamedTensors } from '../../../core/tensors';
import type { CompiledProgram, Engine, Program, StateStore } from '../engine';
import type { CompileOptions } from './compile';
import { compile } from './compile';
import { OnnxProgram } from './compiled-program';
import { CompiledState } from './compiled-state';
import type { Device } from './device';
import { openSession } from './session';
import { WebGpuProgram } from './webgpu-program';
import { WebGpuState } from './webgpu-state';
import { WebGpuTransfer } from './webgpu-transfer';

export interface CompiledEngineOptions extends CompileOptions {
  /** Compute threads of the CPU; 0 is every core, or `MIM_THREADS`. */
  readonly threads?: number;
}

export class CompiledEngine implements Engine {
  readonly kind: string;
  readonly threads: number;
  private readonly device: Device;
  private readonly transfer?: WebGpuTransfer;

  private constructor(private readonly options: CompiledEngineOptions) {
    this.device = options.device ?? 'cpu';
    this.kind = `compiled-${this.device}`;
    this.threads = options.threads || usableThreads();
    if (this.device === 'webgpu') this.transfer = new WebGpuTransfer();
  }

  static create(options: CompiledEngineOptions = {}): CompiledEngine {
    return new CompiledEngine(options);
  }

  describe(): Record<string, string | number> {
    return { engine: this.kind, onnxruntime: env.versions.node ?? env.versions.common, tfjs: version_core, threads: this.threads };
  }

  createState(values: NamedTensors): StateStore {
    return this.transfer ? new WebGpuState(values, this.transfer) : new CompiledState(values);
  }

  async compile(program: Program): Promise<CompiledProgram> {
    const { graph } = compile(program, this.options);
    const opened = await openSession(graph, this.threads, this.device);
    return this.device === 'webgpu' ? new WebGpuProgram(program, opened) : new OnnxProgram(program, opened);
  }

  async dispose(): Promise<void> {
    await this.transfer?.dispose();
  }
}
