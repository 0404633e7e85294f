/** Programs traced once, optimised, and run as machine code that is written for this processor when they are compiled. */
import { version_core } from '@tensorflow/tfjs-core';
import { usableThreads } from '../../../core/config/usable-threads';
import type { NamedTensors } from '../../../core/tensors';
import { refuseFloat16, refuseInt8 } from '../check-values';
import { compile, type CompileOptions } from '../compiled/compile';
import type { CompiledProgram, Engine, Program, StateStore } from '../engine';
import { interfaceOf } from '../engine';
import { NativeProgram } from './native-program';
import { NativeState } from './native-state';
import { planOf } from './planner';

export interface NativeEngineOptions extends Pick<CompileOptions, 'disabledPasses'> {
  /** Compute threads; 0 is every core, or `MIM_THREADS`. */
  readonly threads?: number;
}

export class NativeEngine implements Engine {
  readonly kind = 'native';
  readonly threads: number;

  private constructor(private readonly options: NativeEngineOptions) {
    this.threads = options.threads || usableThreads();
  }

  static create(options: NativeEngineOptions = {}): Promise<NativeEngine> {
    return Promise.resolve(new NativeEngine(options));
  }

  describe(): Record<string, string | number> {
    return { engine: this.kind, code: 'AVX-512', tfjs: version_core, threads: this.threads };
  }

  createState(values: NamedTensors): StateStore {
    return new NativeState(values);
  }

  /** @throws UserError MIM4003 for a program that shall compute in float16 or int8 */
  compile(program: Program): Promise<CompiledProgram> {
    refuseInt8(program, this.kind);
    refuseFloat16(program, this.kind);
    const { graph } = compile(program, { ...this.options, device: 'native' });
    return Promise.resolve(new NativeProgram(interfaceOf(program), graph, planOf(graph), this.threads));
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}
