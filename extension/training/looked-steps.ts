/** Steps whose teacher was asked before: what it said comes from the cache, or is looked at now and kept. */
import type { TrainBatch } from './data/loader';
import type { StateStore } from './engines/engine';
import type { StepReadings, StepRunner } from './step-runner';
import type { TeacherCache } from './teacher-cache';
import type { LookRecords } from './teachers/look-record';

export class LookedSteps implements StepRunner {
  constructor(
    private readonly steps: StepRunner,
    private readonly cache: TeacherCache,
  ) {}

  async run(state: StateStore, batches: readonly TrainBatch[]): Promise<StepReadings[]> {
    const records: LookRecords[] = [];
    for (const batch of batches) records.push(await this.cache.recordsOf(batch));
    const readings = await this.steps.run(state, batches.map((batch, i) => ({ ...batch, looks: records[i]!.looks })));
    for (const one of records) this.cache.giveBack(one);
    return readings;
  }

  dispose(): Promise<void> {
    return this.steps.dispose();
  }
}
