/** The evaluations of one run: which are due, which are done, and what becomes of one that fails. */
import type { EvaluationConfig } from '../core/config/schema';
import { studentOnly } from './checkpoint-state';
import type { StateStore } from './engines/engine';
import type { TrainingEvents } from './events';
import { pendingEvaluations, recordedResults, recordResults, type ProbeResult, type ProbeSubject } from './probe-results';
import { EvaluationStopped, Probes } from './probes';
import type { TrainingPrograms } from './step';
import type { RunTraining } from './train-run';

export class RunEvaluations {
  readonly results: ProbeResult[] = [];
  /** Absent where the experiment evaluates nothing. */
  private readonly probes: Probes | undefined;
  private readonly keepsAverage: boolean;

  constructor(
    private readonly task: RunTraining,
    private readonly programs: TrainingPrograms,
    private readonly events: TrainingEvents,
  ) {
    const { prepared, engine, signal } = task;
    const { experiment, train, test } = prepared;
    this.probes = test && new Probes({ engine, experiment, train, test, signal, onProgress: events.onEvaluationProgress });
    this.keepsAverage = experiment.optimizer.ema !== undefined || experiment.teacher?.ema !== undefined;
  }

  /** What an earlier part of the run has done up to a step. */
  async recall(upToStep: number): Promise<void> {
    this.results.push(...(await recordedResults(this.task.run, upToStep)));
  }

  /** Those due once `step` steps are done, of the student and of its average where one is kept. */
  async due(state: StateStore, step: number): Promise<void> {
    const due = this.task.prepared.timeline.evaluationsAfter(step);
    await this.evaluate(due, 'student', step, (probes, wanted) => probes.student(state, step, wanted));
    if (this.keepsAverage) await this.evaluate(due, 'ema-student', step, (probes, wanted) => probes.averagedStudent(state, step, wanted));
  }

  /** The untrained student and the teacher under the same protocols: without them a probe's figure says little. */
  async baselines(): Promise<void> {
    const { experiment, teacher } = this.task.prepared;
    const wanted = experiment.evaluate.filter((evaluation) => evaluation.baselines);
    await this.evaluate(wanted, 'random', 0, (probes, pending) => probes.random(studentOnly(this.programs.initialState(experiment.seed)), pending));
    if (teacher) await this.evaluate(wanted, 'teacher', 0, (probes, pending) => probes.frozen('teacher', teacher, 0, pending));
  }

  async close(): Promise<void> {
    await this.probes?.close();
  }

  /** Runs those not run yet. A probe that fails does not end the training it watches; one that is stopped is made up for on resuming. */
  private async evaluate(
    evaluations: readonly EvaluationConfig[],
    subject: ProbeSubject,
    step: number,
    run: (probes: Probes, pending: readonly EvaluationConfig[]) => Promise<ProbeResult[]>,
  ): Promise<void> {
    for (const together of recordedTogether(this.pending(evaluations, subject, step))) await this.evaluateTogether(together, subject, step, run);
  }

  private async evaluateTogether(together: readonly EvaluationConfig[], subject: ProbeSubject, step: number, run: (probes: Probes, pending: readonly EvaluationConfig[]) => Promise<ProbeResult[]>): Promise<void> {
    if (!this.probes || this.task.signal.requested) return;
    try {
      const found = await run(this.probes, together);
      await recordResults(this.task.run, found);
      this.results.push(...found);
      for (const result of found) this.events.onEvaluation?.(result);
    } catch (error) {
      if (error instanceof EvaluationStopped) return;
      this.events.onMessage?.(`Evaluation of ${subject} at step ${step} failed, training goes on: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private pending(evaluations: readonly EvaluationConfig[], subject: ProbeSubject, step: number): EvaluationConfig[] {
    const done = new Set(this.results.filter((result) => result.step === step).map(({ name }) => name));
    const { experiment, teacher } = this.task.prepared;
    return pendingEvaluations(evaluations, subject, subject === 'teacher' && teacher ? teacher.shape.depth : experiment.student.depth, done);
  }
}

/** Probes share the features they read. Fine-tuning shares nothing and takes long, so that each is kept as soon as it is done. */
function recordedTogether(evaluations: readonly EvaluationConfig[]): EvaluationConfig[][] {
  const probes = evaluations.filter(({ protocol }) => protocol !== 'finetune');
  const tunings = evaluations.filter(({ protocol }) => protocol === 'finetune');
  return [...(probes.length > 0 ? [probes] : []), ...tunings.map((tuning) => [tuning])];
}
