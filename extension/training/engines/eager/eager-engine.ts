/**
 * Engines that run a program's kernels as they come, on a TensorFlow.js backend. Slow; they are the reference that
 * compiled programs are compared with, and what remains where ONNX Runtime does not load.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { DeviceWish } from '../../../core/config/device-wish';
import '../gradients';
import { checkedBatch, checkOutputs, checkState, refuseFloat16, refuseInt8 } from '../check-values';
import type { CompiledProgram, Engine, HostBatch, Program, Readings, StateStore } from '../engine';
import { EagerState, keptTensor, namedToHost } from './eager-state';
import type { TfjsBackendName } from '../tfjs-backend';
import { loadTfjsBackend, onBackend } from '../tfjs-backend';

/** A tensor of its own for each entry: an output may be another entry's tensor, or an unchanged input. */
function copies(outputs: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tf.clone(tensor)]));
}

/** Reads and frees. Waiting is what some devices can do only. */
async function takenToHost(tensors: Readonly<Record<string, tf.Tensor>>): Promise<Readings> {
  try {
    return await namedToHost(tensors);
  } finally {
    tf.dispose(tensors);
  }
}

class EagerProgram implements CompiledProgram {
  private readonly constants: Record<string, tf.Tensor>;

  constructor(
    private readonly backend: TfjsBackendName,
    readonly program: Program,
  ) {
    this.constants = onBackend(backend, () =>
      Object.fromEntries(Object.entries(program.constants).map(([name, value]) => [name, keptTensor(value)])),
    );
  }

  async run(state: StateStore, batches: readonly HostBatch[]): Promise<Readings[]> {
    if (!(state instanceof EagerState) || state.backend !== this.backend) {
      throw new Error(`Program "${this.program.name}" was given the state of another engine.`);
    }
    checkState(this.program, state);
    const readings: Readings[] = [];
    for (const batch of batches) readings.push(await takenToHost(onBackend(this.backend, () => this.step(state, batch))));
    return readings;
  }

  /** One step. Everything but the new state and the readings, which are the caller's, is freed before it returns. */
  private step(state: EagerState, batch: HostBatch): Record<string, tf.Tensor> {
    const given = checkedBatch(this.program, batch);
    const { written, readings } = tf.tidy(() => {
      const outputs = this.program.run({
        state: Object.fromEntries(Object.keys(this.program.state).map((name) => [name, state.tensor(name)])),
        constants: this.constants,
        batch: Object.fromEntries(
          Object.entries(given).map(([name, { data, shape, dtype }]) => [name, tf.tensor(data.slice(), shape.slice(), dtype)]),
        ),
      });
      checkOutputs(this.program, outputs);
      return { written: copies(outputs.state), readings: copies(outputs.readings) };
    });
    for (const [name, tensor] of Object.entries(written)) state.replace(name, tensor);
    return readings;
  }

  dispose(): Promise<void> {
    for (const tensor of Object.values(this.constants)) tensor.dispose();
    return Promise.resolve();
  }
}

/** Engines are named after the packages of TensorFlow.js. */
const kinds: Readonly<Record<TfjsBackendName, string>> = { cpu: 'tfjs-cpu', wasm: 'tfjs-wasm', tensorflow: 'tfjs-node-gpu', webgpu: 'tfjs-webgpu' };

export class EagerEngine implements Engine {
  /** TensorFlow.js runs single-threaded in Node; what a device does beside it is its own affair. */
  readonly threads = 1;

  private constructor(
    private readonly backend: TfjsBackendName,
    private readonly facts: Readonly<Record<string, string>>,
  ) {}

  /** @param device of a GPU's backend; absent: the one that the system gives. A process has a backend once, with the device it had first. */
  static async create(backend: TfjsBackendName, device?: DeviceWish): Promise<EagerEngine> {
    return new EagerEngine(backend, await loadTfjsBackend(backend, device));
  }

  get kind(): string {
    return kinds[this.backend];
  }

  describe(): Record<string, string | number> {
    return { engine: this.kind, tfjs: tf.version_core, ...this.facts, threads: this.threads };
  }

  createState(values: Parameters<Engine['createState']>[0]): StateStore {
    return new EagerState(this.backend, values);
  }

  /** @throws UserError MIM4003 for a program that shall compute in int8 or float16 */
  async compile(program: Program): Promise<CompiledProgram> {
    refuseInt8(program, this.kind);
    refuseFloat16(program, this.kind);
    return new EagerProgram(this.backend, program);
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}
