/** Programs traced once, optimised, and run by ONNX Runtime on the CPU. */
import { version_core } from '@tensorflow/tfjs-core';
import { env } from 'onnxruntime-node';
import { usableThreads } from '../../../core/config/usable-threads';
import type { NamedTensors } from '../../../core/tensors';
import type { CompiledProgram, Engine, Program, StateStore } from '../engine';
import type { CompileOptions } from './compile';
import { compile } from './compile';
import { OnnxProgram } from './compiled-program';
import { CompiledState } from './compiled-state';
import { openSession } from './session';

export interface CompiledEngineOptions extends CompileOptions {
  /** Compute threads; 0 is every core, or `MIM_THREADS`. */
  readonly threads?: number;
}

export class CompiledEngine implements Engine {
  readonly kind = 'compiled-cpu';
  readonly threads: number;

  private constructor(private readonly options: CompiledEngineOptions) {
    this.threads = options.threads || usableThreads();
  }

  static create(options: CompiledEngineOptions = {}): CompiledEngine {
    return new CompiledEngine(options);
  }

  describe(): Record<string, string | number> {
    return { engine: this.kind, onnxruntime: env.versions.node ?? env.versions.common, tfjs: version_core, threads: this.threads };
  }

  createState(values: NamedTensors): StateStore {
    return new CompiledState(values);
  }

  async compile(program: Program): Promise<CompiledProgram> {
    const { graph } = compile(program, this.options);
    return new OnnxProgram(program, await openSession(graph, this.threads));
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}
