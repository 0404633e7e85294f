/** Steps of a training whose mask ratio changes: each stage has its own graph, over the same state. */
import { ratioStages, type RatioStage } from '../core/config/ratio-stages';
import type { TrainBatch } from './data/loader';
import type { SharedStep } from './distributed/shared-step';
import type { Engine, StateStore } from './engines/engine';
import { createMethod } from './methods/create';
import type { Method } from './methods/method';
import type { Prepared } from './prepare';
import { trainingPrograms } from './step';
import { createStepRunner, type StepReadings, type StepRunner } from './step-runner';
import { LookedSteps } from './looked-steps';
import type { TeacherCache } from './teacher-cache';

interface Stage {
  readonly experiment: Prepared['experiment'];
  readonly method: Method;
}

interface StepsBeside {
  /** Where several ranks share each batch. */
  readonly shared?: SharedStep;
  /** Where the teacher is asked once a view, and not in the step. */
  readonly teacherCache?: TeacherCache;
}

/**
 * The runner of the first stage is there when this resolves: its compiling is not part of a step.
 * @param fromStep steps done before the first that will be run
 */
export async function createStagedSteps(engine: Engine, prepared: Prepared, fromStep: number, { shared, teacherCache }: StepsBeside = {}): Promise<StepRunner> {
  const { timeline } = prepared;
  const steps = new StagedSteps(ratioStages(prepared.experiment, timeline.scheduledSteps), (unchanging) => {
    const { experiment, method: whole } = stageOf(prepared, unchanging);
    const method = teacherCache ? whole.looking!.method : whole;
    return createStepRunner(engine, trainingPrograms(method, experiment), method, experiment, timeline, shared);
  });
  await steps.begin(fromStep);
  return teacherCache ? new LookedSteps(steps, teacherCache) : steps;
}

/** The experiment and method that train once `step` steps are done. */
export function stageAt(prepared: Prepared, step: number): Stage {
  return stageOf(prepared, ratioStages(prepared.experiment, prepared.timeline.scheduledSteps).findLast(({ fromStep }) => fromStep <= step)!.experiment);
}

function stageOf(prepared: Prepared, experiment: Prepared['experiment']): Stage {
  if (experiment === prepared.experiment) return prepared;
  return { experiment, method: createMethod(experiment, { teacher: prepared.teacher, classCount: prepared.train.classNames.length }) };
}

class StagedSteps implements StepRunner {
  private current: { readonly stage: RatioStage; readonly runner: StepRunner } | undefined;

  constructor(
    private readonly stages: readonly RatioStage[],
    private readonly open: (experiment: Prepared['experiment']) => Promise<StepRunner>,
  ) {}

  async begin(step: number): Promise<void> {
    await this.runnerOf(this.stageAfter(step));
  }

  async run(state: StateStore, batches: readonly TrainBatch[]): Promise<StepReadings[]> {
    const readings: StepReadings[] = [];
    for (let from = 0; from < batches.length; ) {
      const stage = this.stageAfter(batches[from]!.step);
      const end = batches.findIndex(({ step }, i) => i > from && this.stageAfter(step) !== stage);
      const together = batches.slice(from, end === -1 ? undefined : end);
      readings.push(...(await (await this.runnerOf(stage)).run(state, together)));
      from += together.length;
    }
    return readings;
  }

  /** @param step steps done */
  private stageAfter(step: number): RatioStage {
    return this.stages.findLast(({ fromStep }) => fromStep <= step)!;
  }

  private async runnerOf(stage: RatioStage): Promise<StepRunner> {
    if (this.current?.stage === stage) return this.current.runner;
    await this.dispose();
    const runner = await this.open(stage.experiment);
    this.current = { stage, runner };
    return runner;
  }

  async dispose(): Promise<void> {
    const { current } = this;
    this.current = undefined;
    await current?.runner.dispose();
  }
}
