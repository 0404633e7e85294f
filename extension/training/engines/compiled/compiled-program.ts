/** A program as a session of ONNX Runtime on the CPU. */
import { Tensor } from 'onnxruntime-node';
import type { HostTensor, NamedTensors, TensorSpec } from '../../../core/tensors';
import { elementCount } from '../../../core/tensors';
import { checkedBatch, checkState } from '../check-values';
import type { CompiledProgram, HostBatch, ProgramInterface, Readings, StateStore } from '../engine';
import { CompiledState, onnxTensor } from './compiled-state';
import type { OpenSession } from './session';

/** The batches' values of one input, one after another: [steps, …]. Of a single batch it is not a copy. */
function stacked(name: string, batches: readonly NamedTensors[]): HostTensor {
  const { shape, dtype, data: first } = batches[0]![name]!;
  if (batches.length === 1) return { shape: [1, ...shape], dtype, data: first };
  const each = elementCount(shape);
  const data = dtype === 'float32' ? new Float32Array(each * batches.length) : new Int32Array(each * batches.length);
  batches.forEach((batch, step) => data.set(batch[name]!.data, step * each));
  return { shape: [batches.length, ...shape], dtype, data };
}

/** Step `step` of stacked readings, as memory of its own. */
function unstacked({ shape, dtype }: TensorSpec, all: Tensor, step: number): HostTensor {
  const each = elementCount(shape);
  const values = all.data as Float32Array | Int32Array;
  return { shape, dtype, data: values.slice(step * each, (step + 1) * each) };
}

export class OnnxProgram implements CompiledProgram {
  constructor(
    readonly program: ProgramInterface,
    private readonly opened: OpenSession,
  ) {}

  async run(state: StateStore, batches: readonly HostBatch[]): Promise<Readings[]> {
    if (!(state instanceof CompiledState) || state.device !== 'cpu') throw new Error(`Program "${this.program.name}" was given the state of another engine.`);
    checkState(this.program, state);
    const given = batches.map((batch) => checkedBatch(this.program, batch));
    if (batches.length === 0) return [];
    const { session, io } = this.opened;
    const results = await session.run(this.feeds(state, given));
    for (const name of io.writes) state.replace(name, results[`final:${name}`] as Tensor);
    return batches.map((_, step) =>
      Object.fromEntries(Object.entries(io.readings).map(([name, spec]) => [name, unstacked(spec, results[`reading_all:${name}`] as Tensor, step)])),
    );
  }

  private feeds(state: CompiledState, batches: readonly NamedTensors[]): Record<string, Tensor> {
    const { io } = this.opened;
    return {
      steps: new Tensor('int64', BigInt64Array.of(BigInt(batches.length)), []),
      ...Object.fromEntries(io.reads.map((name) => [`state:${name}`, state.tensor(name)])),
      ...Object.fromEntries(io.writes.map((name) => [`initial:${name}`, state.tensor(name)])),
      ...Object.fromEntries(io.batch.map((name) => [`batch_all:${name}`, onnxTensor(stacked(name, batches))])),
    };
  }

  async dispose(): Promise<void> {
    await this.opened.session.release();
  }
}
