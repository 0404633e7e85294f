/** Probes of a finished or running training’s checkpoint, or of any weight file, on the images of an experiment. */
import { dirname } from 'node:path';
import { importTeacher } from '../core/checkpoints/import-teacher';
import { parseResolved } from '../core/config/freeze';
import { loadExperiment } from '../core/config/load';
import type { EvaluationConfig, ResolvedExperiment } from '../core/config/schema';
import { UserError } from '../core/problems';
import { isRun, RunDirectory } from '../core/runs/run-directory';
import { openImageSource } from './data/open-source';
import { createEngine } from './engines/create';
import type { EvaluationProgress } from './evaluation/evaluate';
import { initialVit } from './nn/initialise';
import { recordResults, type ProbeResult, type ProbeSubject } from './probe-results';
import { Probes } from './probes';
import { RandomStream } from './random';

export interface EvaluateOptions {
  /** A run directory (its newest good checkpoint), a checkpoint's folder, or a weight file. */
  readonly target: string;
  readonly evaluation: EvaluationConfig;
  /** Whose images are used; needed where the target is not inside a run. */
  readonly configFile?: string;
  readonly overrides?: Readonly<Record<string, string>>;
  readonly onMessage?: (line: string) => void;
  readonly onProgress?: (progress: EvaluationProgress, subject: ProbeSubject) => void;
}

/**
 * Evaluates; results of a target inside a run are kept in that run.
 *
 * @returns the target's result first, then, with `evaluation.baselines`, those of the random student and the teacher
 */
export async function evaluateRun(options: EvaluateOptions): Promise<ProbeResult[]> {
  const { target, evaluation, onMessage, onProgress } = options;
  const run = await enclosingRun(target);
  const experiment = await experimentOf(options, run);
  const weights = await importTeacher(target);
  const step = stepOf(weights.report.file);
  onMessage?.(`Evaluating ${weights.report.file} (${weights.report.format} naming)`);
  const { engine } = await createEngine(experiment.engine);
  const probes = new Probes({
    engine,
    experiment,
    train: await openImageSource(experiment.data, 'train', experiment.data.seed),
    test: await openImageSource(experiment.data, 'test', experiment.data.seed),
    onProgress,
  });
  try {
    const results = await probes.frozen(run ? 'student' : 'checkpoint', weights, step, [evaluation]);
    if (evaluation.baselines) results.push(...(await baselines(probes, experiment, [evaluation])));
    if (run) await recordResults(run, results);
    return results;
  } finally {
    await probes.close();
    await engine.dispose();
  }
}

async function baselines(probes: Probes, experiment: ResolvedExperiment, evaluations: readonly EvaluationConfig[]): Promise<ProbeResult[]> {
  const random = await probes.random(initialVit(new RandomStream(experiment.seed, 'initialise'), experiment.student), evaluations);
  const checkpoint = experiment.teacher?.checkpoint;
  return checkpoint === undefined ? random : [...random, ...(await probes.frozen('teacher', await importTeacher(checkpoint, experiment.teacher), 0, evaluations))];
}

/** The run a path is inside of: itself, its `checkpoints/step-…`, or a file there. */
async function enclosingRun(target: string): Promise<RunDirectory | undefined> {
  for (let folder = target, up = 0; up < 4; folder = dirname(folder), up++) {
    if (await isRun(folder)) return RunDirectory.open(folder);
  }
  return undefined;
}

async function experimentOf({ target, configFile, overrides = {} }: EvaluateOptions, run: RunDirectory | undefined): Promise<ResolvedExperiment> {
  if (configFile !== undefined) return (await loadExperiment(configFile, overrides)).resolved;
  if (!run) throw new UserError('MIM8010', `${target} is not inside a run, so it is not known on which images to evaluate it.`, 'Name an experiment with --config; its `data` are used.', 2);
  if (Object.keys(overrides).length > 0) return (await loadExperiment(run.inside('config.yaml'), overrides)).resolved;
  return parseResolved(await run.readConfig(), run.inside('config.yaml'));
}

/** Steps done when the weights were saved, from the checkpoint's folder; 0 for other files. */
function stepOf(file: string): number {
  return Number(/step-(\d+)[\\/][^\\/]*$/.exec(file)?.[1] ?? 0);
}
