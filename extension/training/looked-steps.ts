/** Steps whose teacher was asked before: what it said comes from the cache, or is looked at now and kept. */
import type { TrainBatch } from './data/loader';
import type { StateStore } from './engines/engine';
import type { StepReadings, StepRunner } from './step-runner';
import type { TeacherCache } from './teacher-cache';

export class LookedSteps implements StepRunner {
  constructor(
    private readonly steps: StepRunner,
    private readonly cache: TeacherCache,
  ) {}

  async run(state: StateStore, batches: readonly TrainBatch[]): Promise<StepReadings[]> {
    const looked: TrainBatch[] = [];
    for (const batch of batches) looked.push({ ...batch, looks: await this.cache.looksOf(batch) });
    return this.steps.run(state, looked);
  }

  dispose(): Promise<void> {
    return this.steps.dispose();
  }
}
