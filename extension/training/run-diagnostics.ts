/** The diagnostics of one run: which are due, which are there, and what becomes of those that fail. */
import type { Diagnostics } from '../core/runs/diagnostics';
import { Diagnosis, DiagnosisStopped } from './diagnosis';
import type { StateStore } from './engines/engine';
import { isGpuLost } from './engines/gpu-errors';
import type { TrainingEvents } from './events';
import type { RunTraining } from './train-run';

export class RunDiagnostics {
  private diagnosis: Diagnosis | undefined;

  constructor(
    private readonly task: RunTraining,
    private readonly state: StateStore,
    private readonly events: TrainingEvents,
    private readonly onFound: (found: Diagnostics) => void,
  ) {}

  /**
   * Diagnoses where it is due once `step` steps are done and no record of that step is there. What fails does not end
   * the training it watches, unless the GPU is lost; what is stopped is made up for on resuming.
   */
  async due(step: number): Promise<void> {
    const { run, prepared, signal } = this.task;
    if (!prepared.timeline.diagnosesAfter(step) || signal.requested || (await run.hasDiagnostics(step))) return;
    try {
      this.diagnosis ??= await this.open();
      const found = await this.diagnosis.ofTraining(this.state, step);
      await run.writeDiagnostics(step, found);
      this.onFound(found);
    } catch (error) {
      if (error instanceof DiagnosisStopped) return;
      if (isGpuLost(error)) throw error;
      this.events.onMessage?.(`No diagnostics at step ${step}, training goes on: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private open(): Promise<Diagnosis> {
    const { engine, prepared: { experiment, train, teacher }, signal } = this.task;
    return Diagnosis.open({ engine, experiment, source: train, images: experiment.diagnostics!.images, teacher, signal });
  }
}
