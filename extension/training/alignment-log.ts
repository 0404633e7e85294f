/** How Dynamic Alignment mixes the levels over a training, for whoever watches: alignment.jsonl of the run. */
import type { RunDirectory } from '../core/runs/run-directory';
import type { StateStore } from './engines/engine';
import { ALIGNMENT_WEIGHTS } from './methods/dynamic-alignment';

/** Records a training, beside those at checkpoints. */
const RECORDS = 50;

export class AlignmentLog {
  private readonly every: number;
  private lastStep = -Infinity;

  constructor(
    private readonly run: RunDirectory,
    private readonly state: StateStore,
    totalSteps: number,
  ) {
    this.every = Math.max(1, totalSteps / RECORDS);
  }

  /** Where the method mixes levels: at the start, at every checkpoint, and each fiftieth of the training. */
  async record(step: number, isCheckpoint: boolean): Promise<void> {
    if (!Object.hasOwn(this.state.specs, ALIGNMENT_WEIGHTS) || step === this.lastStep) return;
    if (!isCheckpoint && Math.floor(step / this.every) === Math.floor(this.lastStep / this.every)) return;
    this.lastStep = step;
    const { shape, data } = (await this.state.read([ALIGNMENT_WEIGHTS]))[ALIGNMENT_WEIGHTS]!;
    const [teacherLevels, studentLevels] = shape as [number, number];
    const row = (level: number): number[] => Array.from(data.subarray(level * studentLevels, (level + 1) * studentLevels), (value) => Number(value.toPrecision(6)));
    await this.run.appendAlignment({ step, weights: Array.from({ length: teacherLevels }, (_, level) => row(level)) });
  }
}
