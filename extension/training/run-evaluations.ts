/** The evaluations of one run: which are due, which are done, and what becomes of one that fails. */
import path from 'node:path';
import type { EvaluationConfig } from '../core/config/schema';
import { studentOnly } from './checkpoint-state';
import type { StateStore } from './engines/engine';
import { isGpuLost } from './engines/gpu-errors';
import type { TrainingEvents } from './events';
import { KnownBaselines, type Baseline } from './known-baselines';
import { pendingEvaluations, recordedResults, recordResults, type ProbeResult, type ProbeSubject } from './probe-results';
import { EvaluationStopped, Probes } from './probes';
import type { TrainingPrograms } from './step';
import type { RunTraining } from './train-run';

export class RunEvaluations {
  readonly results: ProbeResult[] = [];
  /** Absent where the experiment evaluates nothing. */
  private readonly probes: Probes | undefined;
  private readonly keepsAverage: boolean;
  private readonly known: KnownBaselines;

  constructor(
    private readonly task: RunTraining,
    private readonly programs: TrainingPrograms,
    private readonly events: TrainingEvents,
  ) {
    const { run, prepared, engine, signal } = task;
    const { experiment, train, test } = prepared;
    this.probes = test && new Probes({ engine, experiment, train, test, signal, onProgress: events.onEvaluationProgress });
    this.known = new KnownBaselines(path.dirname(run.path), path.basename(run.path), { experiment, train, test, engine });
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
    const initial = studentOnly(this.programs.initialState(experiment.seed));
    await this.baseline(wanted, { subject: 'random', weights: initial, depth: experiment.student.depth }, (probes, pending) => probes.random(initial, pending));
    if (teacher) await this.baseline(wanted, { subject: 'teacher', weights: teacher.tensors, depth: teacher.shape.depth }, (probes, pending) => probes.frozen('teacher', teacher, 0, pending));
  }

  /** What a run beside this one has found is taken from there. */
  private async baseline(wanted: readonly EvaluationConfig[], baseline: Baseline, run: (probes: Probes, pending: readonly EvaluationConfig[]) => Promise<ProbeResult[]>): Promise<void> {
    await this.evaluate(wanted, baseline.subject, 0, async (probes, pending) => {
      const known = await this.known.recall(baseline, pending);
      const missing = pending.filter((config) => !known.has(config));
      const found = missing.length === 0 ? [] : await run(probes, missing);
      await this.known.keep(baseline, missing, found);
      const recalled = [...known.values()].flat();
      for (const finder of new Set(recalled.map(({ result }) => result.foundBy))) this.events.onMessage?.(`The evaluation of ${baseline.subject} is that of ${finder}: the same weights, images and settings.`);
      return [...recalled, ...found];
    });
  }

  async close(): Promise<void> {
    await this.probes?.close();
  }

  /** Runs those not run yet. A probe that fails does not end the training it watches, unless the GPU is lost; one that is stopped is made up for on resuming. */
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
      if (isGpuLost(error)) throw error;
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
