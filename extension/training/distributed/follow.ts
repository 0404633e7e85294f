/** The training of a rank that does not lead: it computes its parts of each batch and writes nothing. */
import { parseResolved } from '../../core/config/freeze';
import type { EngineConfig } from '../../core/config/schema';
import { ImageLoader } from '../data/loader';
import { createEngine, trainingEngine } from '../engines/create';
import type { Engine } from '../engines/engine';
import type { TrainingOutcome } from '../events';
import { requireSameImages, withPinnedTeacher, type RunInputs } from '../inputs';
import { prepare, type Prepared } from '../prepare';
import { createStagedSteps } from '../staged-steps';
import { TeacherCache } from '../teacher-cache';
import { trainingPrograms } from '../step';
import type { StopSignal } from '../stop-signal';
import { Agreement } from './agreement';
import { withRankDevice } from './rank-device';
import type { Ranks } from './ranks';
import { sharedLoaderOptions } from './shared-loader';
import { SharedStep, spreadState, trainedNames } from './shared-step';

/** What rank 0 tells the others before the first step. */
export interface Task {
  /** The frozen experiment. */
  readonly config: string;
  /** Teacher and images, which must be the same wherever a rank looks; absent where an old run does not say. */
  readonly inputs?: RunInputs;
  readonly engine: Pick<EngineConfig, 'kind' | 'threads'>;
  /** Steps done. */
  readonly step: number;
}

/** What rank 0 says last. */
export type End = Pick<TrainingOutcome, 'state'>;

export interface Following {
  readonly signal: StopSignal;
  readonly onMessage: (line: string) => void;
}

/**
 * Does what rank 0 asks until the run ends.
 * @throws UserError for images or a teacher that are not here or are others than rank 0's
 */
export async function follow(ranks: Ranks, following: Following): Promise<End> {
  const task = await ranks.word<Task>(undefined);
  const resolved = await withPinnedTeacher(parseResolved(task.config), task.inputs);
  // Rank 0 evaluates.
  const prepared = await prepare({ ...resolved, evaluate: [] });
  if (task.inputs) requireSameImages(task.inputs, prepared);
  const { engine } = await createEngine(await withRankDevice({ ...trainingEngine(prepared.experiment), ...task.engine }, ranks));
  try {
    await trainAlong(ranks, task, prepared, engine, following);
    return await ranks.word<End>(undefined);
  } finally {
    await engine.dispose();
  }
}

async function trainAlong(ranks: Ranks, { step }: Task, prepared: Prepared, engine: Engine, { signal, onMessage }: Following): Promise<void> {
  const { experiment, timeline, method, train } = prepared;
  const programs = trainingPrograms(method, experiment);
  const names = trainedNames(programs);
  const shared = new SharedStep(ranks, experiment.optimizer.accumulate, names);
  const teacherCache = await TeacherCache.open(prepared, engine, onMessage);
  const loader = new ImageLoader(train, { ...sharedLoaderOptions(experiment, ranks, shared), ...teacherCache?.loaderOptions, onUnreadable: (name, reason) => onMessage(`Unreadable image, another takes its place: ${name} (${reason})`) });
  const state = engine.createState(programs.initialState(experiment.seed));
  try {
    await spreadState(ranks, state, names);
    const steps = await createStagedSteps(engine, prepared, step, { shared, teacherCache });
    const agreement = new Agreement(ranks, signal, state, names);
    for await (const batch of loader.trainBatches(step, timeline.totalSteps)) {
      if (await agreement.stops()) break;
      await steps.run(state, [batch]);
      await agreement.saves(false);
    }
    await steps.dispose();
  } finally {
    await loader.close();
    await teacherCache?.close();
    state.dispose();
  }
}
