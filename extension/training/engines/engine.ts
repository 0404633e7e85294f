/**
 * What the trainer asks of an engine.
 *
 * A *program* is a plain TensorFlow.js function of named tensors: state it carries from step to step, constants that
 * never change, and a batch that is new each step. Programs contain no randomness and no data-dependent shapes, so
 * an engine may run them eagerly or trace them once and compile the trace.
 */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { HalfTensor, HostTensor, NamedSpecs, NamedTensors, TensorSpec } from '../../core/tensors';

export interface ProgramInputs {
  readonly state: Readonly<Record<string, Tensor>>;
  readonly constants: Readonly<Record<string, Tensor>>;
  readonly batch: Readonly<Record<string, Tensor>>;
}

export interface ProgramOutputs {
  /** New values of the state entries that the program changes; every name must be one of the program's state. */
  readonly state: Record<string, Tensor>;
  /** What the host wants to see: loss, per-level losses, features. */
  readonly readings: Record<string, Tensor>;
}

/** Of operands of matrix products; their sums and everything else are float32. */
export type Precision = 'float32' | 'float16';

/** Of a batch's entry: `float16` is given in halves, and is float32 to the program. */
export type BatchSpec = TensorSpec | Pick<HalfTensor, 'shape' | 'dtype'>;
export type BatchSpecs = Record<string, BatchSpec>;

/** What must be known of a program to run it once it is compiled. */
export interface ProgramInterface {
  readonly name: string;
  /** Entries of the state store that the program reads (or reads and writes). */
  readonly state: NamedSpecs;
  readonly batch: BatchSpecs;
}

export interface Program extends ProgramInterface {
  /** Frozen values: teacher weights, position tables. */
  readonly constants: NamedTensors;
  /** Constants, weights [out, in], whose products shall be computed in int8; only the engines of the processor can. */
  readonly int8?: readonly string[];
  /** Default: float32. Engines refuse what they do not know. */
  readonly precision?: Precision;
  run(inputs: ProgramInputs): ProgramOutputs;
}

/** Values that live with the engine between runs: parameters, optimizer moments, accumulated gradients. */
export interface StateStore {
  readonly specs: NamedSpecs;
  /** Copies out; `names` defaults to all. */
  read(names?: readonly string[]): Promise<NamedTensors>;
  write(values: NamedTensors): Promise<void>;
  dispose(): void;
}

export type HostBatch = Readonly<Record<string, HostTensor | HalfTensor>>;
export type Readings = Record<string, HostTensor>;

/** Its program without the constants: a runtime has them in a form of its own, and nobody else need hold a teacher. */
export function interfaceOf({ name, state, batch }: Program): ProgramInterface {
  return { name, state, batch };
}

export interface CompiledProgram {
  readonly program: ProgramInterface;
  /**
   * Runs one step for each batch, in order, carrying the state. Engines may hand several to the device at once;
   * the numbers do not depend on how many are passed together. The state store is updated when it resolves.
   */
  run(state: StateStore, batches: readonly HostBatch[]): Promise<Readings[]>;
  dispose(): Promise<void>;
}

export interface Engine {
  /** `native`, `compiled-cpu`, `tfjs-cpu`, … */
  readonly kind: string;
  readonly threads: number;
  /** For humans and environment.json: library versions, device. */
  describe(): Record<string, string | number>;
  createState(values: NamedTensors): StateStore;
  compile(program: Program): Promise<CompiledProgram>;
  dispose(): Promise<void>;
}
