/** Programs traced once, optimised, and run as machine code that is written for this processor when they are compiled. */
import { version_core } from '@tensorflow/tfjs-core';
import { usableThreads } from '../../../core/config/usable-threads';
import { UserError } from '../../../core/problems';
import type { NamedTensors } from '../../../core/tensors';
import { refuseFloat16, refuseInt8 } from '../check-values';
import { compile, type CompileOptions } from '../compiled/compile';
import type { Graph, ValueId } from '../compiled/ir';
import type { CompiledProgram, Engine, Program, StateStore } from '../engine';
import { interfaceOf } from '../engine';
import type { NativeProgram } from './native-program';
import type { NativeState } from './native-state';
import { computesBytes, nativeSupport } from './native-support';
import type { planOf } from './planner';

export interface NativeEngineOptions extends Pick<CompileOptions, 'disabledPasses'> {
  /** Compute threads; 0 is every core, or `MIM_THREADS`. */
  readonly threads?: number;
  /** Programs will ask for int8. */
  readonly int8?: boolean | undefined;
}

/** They look for functions of the C library as they are loaded, so that they are loaded only where it has them. */
interface Parts {
  readonly Program: typeof NativeProgram;
  readonly State: typeof NativeState;
  readonly planOf: typeof planOf;
}

/** Inputs of the graph that are given in halves. */
function halvesOf({ batch }: Program, { inputs }: Graph): Set<ValueId> {
  return new Set(inputs.filter(({ kind, name }) => kind === 'batch' && batch[name]!.dtype === 'float16').map(({ value }) => value));
}

export class NativeEngine implements Engine {
  readonly kind = 'native';
  readonly threads: number;

  private constructor(
    private readonly options: NativeEngineOptions,
    private readonly parts: Parts,
  ) {
    this.threads = options.threads || usableThreads();
  }

  /** @throws UserError MIM4016 where machine code cannot be written and run */
  static async create(options: NativeEngineOptions = {}): Promise<NativeEngine> {
    const reason = nativeSupport();
    if (reason === undefined && options.int8 && !computesBytes()) throw new UserError('MIM4016', 'The processor does not have avx512_vnni, which int8 needs.', 'Use `engine: compiled-cpu`, which computes int8 on every processor.');
    if (reason !== undefined) throw new UserError('MIM4016', reason, 'Use `engine: compiled-cpu`, which runs on every processor.');
    const [{ NativeProgram: Program }, { NativeState: State }, { planOf }] = await Promise.all([import('./native-program'), import('./native-state'), import('./planner')]);
    return new NativeEngine(options, { Program, State, planOf });
  }

  describe(): Record<string, string | number> {
    return { engine: this.kind, code: 'AVX-512', tfjs: version_core, threads: this.threads };
  }

  createState(values: NamedTensors): StateStore {
    return new this.parts.State(values);
  }

  /** @throws UserError MIM4003 for a program that shall compute in float16, or in int8 where the processor cannot */
  async compile(program: Program): Promise<CompiledProgram> {
    if (!computesBytes()) refuseInt8(program, this.kind);
    refuseFloat16(program, this.kind);
    const { graph } = compile(program, { disabledPasses: this.options.disabledPasses ?? [], device: 'native' });
    return new this.parts.Program(interfaceOf(program), graph, this.parts.planOf(graph, halvesOf(program, graph)), this.threads);
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}
