/** A program as a session of ONNX Runtime on a GPU: one step a run, the state handed from run to run where it is. */
import type { Tensor } from 'onnxruntime-node';
import type { NamedTensors } from '../../../core/tensors';
import { checkedBatch, checkState } from '../check-values';
import type { CompiledProgram, HostBatch, ProgramInterface, Readings, StateStore } from '../engine';
import { onGpu } from '../gpu-errors';
import type { OpenSession } from './session';
import { stepFeeds, stepReadings } from './single-step';
import { WebGpuState } from './webgpu-state';
import type { WebGpuTransfer } from './webgpu-transfer';

export class WebGpuProgram implements CompiledProgram {
  constructor(
    readonly program: ProgramInterface,
    private readonly opened: OpenSession,
    private readonly transfer: WebGpuTransfer,
  ) {}

  async run(state: StateStore, batches: readonly HostBatch[]): Promise<Readings[]> {
    if (!(state instanceof WebGpuState)) throw new Error(`Program "${this.program.name}" was given the state of another engine.`);
    checkState(this.program, state);
    const given = batches.map((batch) => checkedBatch(this.program, batch));
    const { reads, writes } = this.opened.io;
    if (batches.length > 0) await state.toDevice([...reads, ...writes]);
    const readings: Readings[] = [];
    for (const batch of given) readings.push(await this.step(state, batch));
    return readings;
  }

  private async step(state: WebGpuState, batch: NamedTensors): Promise<Readings> {
    const { session, io } = this.opened;
    const results = await onGpu(`it ran "${this.program.name}"`, () => session.run(stepFeeds(io, state, batch)));
    for (const name of io.writes) state.replace(name, results[`new:${name}`] as Tensor, session);
    return stepReadings(io.readings, results);
  }

  async dispose(): Promise<void> {
    const { session } = this.opened;
    try {
      for (const state of this.transfer.states) await state.outlive(session);
    } catch {
      // The GPU is lost or full, which its user is told; values that cannot be moved need the session.
      return;
    }
    await session.release();
  }
}
