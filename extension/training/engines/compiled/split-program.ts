/** A program divided in two: ONNX Runtime computes a step, and what it updates is updated where it lies. */
import type { Tensor } from 'onnxruntime-node';
import type { NamedTensors } from '../../../core/tensors';
import { checkedBatch, checkState } from '../check-values';
import type { CompiledProgram, HostBatch, ProgramInterface, Readings, StateStore } from '../engine';
import { CompiledState } from './compiled-state';
import { releaseMemory } from './release-memory';
import type { OpenSession } from './session';
import { stepFeeds, stepReadings } from './single-step';
import type { Updates, ValuesOf } from './updates/run-updates';
import { isMade } from './updates/split-updates';

export class SplitProgram implements CompiledProgram {
  /** Readings that only updates read, and the program's own. */
  private readonly made: readonly string[];
  private readonly shown: OpenSession['io']['readings'];

  constructor(
    readonly program: ProgramInterface,
    private readonly opened: OpenSession,
    private readonly updates: Updates,
  ) {
    const { readings } = opened.io;
    this.made = Object.keys(readings).filter(isMade);
    this.shown = Object.fromEntries(Object.entries(readings).filter(([name]) => !isMade(name)));
  }

  async run(state: StateStore, batches: readonly HostBatch[]): Promise<Readings[]> {
    if (!(state instanceof CompiledState) || state.device !== 'cpu') throw new Error(`Program "${this.program.name}" was given the state of another engine.`);
    checkState(this.program, state);
    const given = batches.map((batch) => checkedBatch(this.program, batch));
    const readings: Readings[] = [];
    for (const batch of given) readings.push(await this.step(state, batch));
    return readings;
  }

  private async step(state: CompiledState, batch: NamedTensors): Promise<Readings> {
    const { session, io } = this.opened;
    const results = await session.run(stepFeeds(io, state, batch));
    const values: ValuesOf = {
      state: (name) => state.tensor(name).data as Float32Array,
      batch: (name) => batch[name]!.data as Float32Array,
      made: (name) => results[`reading:${name}`]!.data as Float32Array,
    };
    // Before the rest of the state is replaced: they read what it was.
    this.updates.run(values);
    for (const name of io.writes) state.replace(name, results[`new:${name}`] as Tensor);
    releaseMemory(this.made.map(values.made));
    return stepReadings(this.shown, results);
  }

  async dispose(): Promise<void> {
    await this.opened.session.release();
  }
}
