/** A program divided in two: ONNX Runtime computes a step, and what it updates is updated where it lies. */
import type { Tensor } from 'onnxruntime-node';
import type { HostTensor } from '../../../core/tensors';
import { checkBatch, checkState } from '../check-values';
import type { CompiledProgram, HostBatch, ProgramInterface, Readings, StateStore } from '../engine';
import { CompiledState, onnxTensor } from './compiled-state';
import { releaseMemory } from './release-memory';
import type { OpenSession } from './session';
import type { Updates, ValuesOf } from './updates/run-updates';
import { isMade } from './updates/split-updates';

export class SplitProgram implements CompiledProgram {
  constructor(
    readonly program: ProgramInterface,
    private readonly opened: OpenSession,
    private readonly updates: Updates,
  ) {}

  async run(state: StateStore, batches: readonly HostBatch[]): Promise<Readings[]> {
    if (!(state instanceof CompiledState) || state.device !== 'cpu') throw new Error(`Program "${this.program.name}" was given the state of another engine.`);
    checkState(this.program, state);
    for (const batch of batches) checkBatch(this.program, batch);
    const readings: Readings[] = [];
    for (const batch of batches) readings.push(await this.step(state, batch));
    return readings;
  }

  private async step(state: CompiledState, batch: HostBatch): Promise<Readings> {
    const { session, io } = this.opened;
    const results = await session.run({
      ...Object.fromEntries([...io.reads, ...io.writes].map((name) => [`state:${name}`, state.tensor(name)])),
      ...Object.fromEntries(io.batch.map((name) => [`batch:${name}`, onnxTensor(batch[name]!)])),
    });
    const values: ValuesOf = {
      state: (name) => state.tensor(name).data as Float32Array,
      batch: (name) => batch[name]!.data as Float32Array,
      made: (name) => results[`reading:${name}`]!.data as Float32Array,
    };
    // Before the rest of the state is replaced: they read what it was.
    this.updates.run(values);
    for (const name of io.writes) state.replace(name, results[`new:${name}`] as Tensor);
    releaseMemory(Object.keys(io.readings).filter(isMade).map(values.made));
    const readings = Object.entries(io.readings).filter(([name]) => !isMade(name));
    return Object.fromEntries(readings.map(([name, { shape, dtype }]): [string, HostTensor] => [name, { shape, dtype, data: results[`reading:${name}`]!.data as Float32Array | Int32Array } as HostTensor]));
  }

  async dispose(): Promise<void> {
    await this.opened.session.release();
  }
}
