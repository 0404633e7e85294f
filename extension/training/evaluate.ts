/** Probes of a finished or running training’s checkpoint, or of any weight file, on the images of an experiment. */
import { dirname } from 'node:path';
import { inFloat32 } from '../core/config/engine-traits';
import { localWeights, type FetchOptions } from '../core/hub/fetch-weights';
import { importTeacher } from '../core/checkpoints/import-teacher';
import { readSafetensors } from '../core/checkpoints/safetensors';
import { parseResolved } from '../core/config/freeze';
import { firstLossLevel } from '../core/config/levels';
import type { Origin } from '../core/config/blame';
import { loadExperiment } from '../core/config/load';
import type { EvaluationConfig, ResolvedExperiment } from '../core/config/schema';
import { UserError } from '../core/problems';
import { isRun, RunDirectory } from '../core/runs/run-directory';
import { createEngine } from './engines/create';
import type { ClassifierHead } from './evaluation/classifier';
import type { EvaluationProgress } from './evaluation/evaluate';
import { readInputs, requireSameImages, withPinnedTeacher } from './inputs';
import { initialVit } from './nn/initialise';
import { openLabelledImages } from './prepare';
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
  /** Weights that are downloaded. */
  readonly onDownload?: FetchOptions['onProgress'];
  readonly onProgress?: (progress: EvaluationProgress, subject: ProbeSubject) => void;
}

/**
 * Evaluates; results of a target inside a run are kept in that run, unless the images or anything else are not the run's own.
 *
 * @returns the target's results first, then, with `evaluation.baselines`, those of the random student and the teacher
 */
export async function evaluateRun(options: EvaluateOptions): Promise<ProbeResult[]> {
  const { target, evaluation, onMessage, onDownload, onProgress } = options;
  const fetching = { onMessage, onProgress: onDownload };
  const run = await enclosingRun(target);
  const { experiment, origin, isOwn } = await experimentOf(options, run);
  const { train, test } = await openLabelledImages(experiment, origin);
  if (run && isOwn) await requireOwnImages(run, { experiment, train, test });
  const weights = await importTeacher(await localWeights(target, fetching));
  requireLabelFraction(evaluation);
  requireLayers(evaluation, weights.report.file, weights.shape.depth);
  const step = stepOf(weights.report.file);
  onMessage?.(`Evaluating ${weights.report.file} (${weights.report.format} naming)`);
  if (run && !isOwn) onMessage?.('The result is not kept in the run: it is not of the run’s own experiment.');
  const { engine } = await createEngine(inFloat32(experiment.engine));
  const probes = new Probes({ engine, experiment, train, test, onProgress });
  try {
    const head = run && isOwn ? await headOf(weights.report.file, experiment) : undefined;
    const results: ProbeResult[] = [];
    const record = async (found: readonly ProbeResult[]): Promise<void> => {
      results.push(...found);
      if (run && isOwn) await keep(run, experiment, found);
    };
    await record(await probes.frozen(run ? 'student' : 'checkpoint', weights, step, [evaluation], head));
    if (evaluation.baselines) for await (const found of baselines(probes, await withTeacherOf(run, isOwn, experiment, fetching), [evaluation], fetching)) await record(found);
    return results;
  } finally {
    await probes.close();
    await engine.dispose();
  }
}

/** @throws UserError MIM6007 where a share of the labels is asked for by a protocol that has none */
function requireLabelFraction({ protocol, preset, label_fraction: fraction }: EvaluationConfig): void {
  if (fraction === undefined || (protocol === 'linear' && preset === 'small')) return;
  throw new UserError('MIM6007', 'A share of the labels goes with the linear probe of preset small alone.', 'Use `--protocol linear`, without `--preset`.', 2);
}

/** @throws UserError MIM6006 where a layer is asked for that there is not */
function requireLayers({ layers }: EvaluationConfig, file: string, depth: number): void {
  const beyond = layers === undefined || layers === 'all' ? undefined : layers.find((layer) => layer > depth);
  if (beyond !== undefined) throw new UserError('MIM6006', `There is no layer ${beyond}: the encoder of ${file} has ${depth} blocks.`, `Layers are counted from 1 to ${depth}; \`--layers all\` is every one.`, 2);
}

async function keep(run: RunDirectory, experiment: ResolvedExperiment, results: readonly ProbeResult[]): Promise<void> {
  await recordResults(run, results);
  if (experiment.logging.tensorboard) await run.refreshTensorBoard(firstLossLevel(experiment));
}

/** The classifier that a supervised run trained; importing a teacher leaves it out. */
async function headOf(file: string, { method, supervised }: ResolvedExperiment): Promise<ClassifierHead | undefined> {
  if (method !== 'supervised') return undefined;
  const { tensors } = await readSafetensors(file, { names: ['head.weight', 'head.bias'] });
  return { weight: tensors['head.weight']!, bias: tensors['head.bias']!, features: supervised.pooling };
}

/** Results of the random student, then of the teacher, each as soon as they are there. */
async function* baselines(probes: Probes, experiment: ResolvedExperiment, evaluations: readonly EvaluationConfig[], fetching: FetchOptions): AsyncGenerator<ProbeResult[]> {
  yield await probes.random(initialVit(new RandomStream(experiment.seed, 'initialise'), experiment.student), evaluations);
  const checkpoint = experiment.teacher?.checkpoint;
  if (checkpoint !== undefined) yield await probes.frozen('teacher', await importTeacher(await localWeights(checkpoint, fetching), experiment.teacher), 0, evaluations);
}

/** The run a path is inside of: itself, its `checkpoints/step-…`, or a file there. */
export async function enclosingRun(target: string): Promise<RunDirectory | undefined> {
  for (let folder = target, up = 0; up < 4; folder = dirname(folder), up++) {
    if (await isRun(folder)) return RunDirectory.open(folder);
  }
  return undefined;
}

export interface EvaluatedExperiment {
  readonly experiment: ResolvedExperiment;
  /** Where it is written, if not frozen in a run. */
  readonly origin?: Origin;
  /** It is that of the run, unchanged. */
  readonly isOwn: boolean;
}

export async function experimentOf({ target, configFile, overrides = {} }: Pick<EvaluateOptions, 'target' | 'configFile' | 'overrides'>, run: RunDirectory | undefined): Promise<EvaluatedExperiment> {
  const frozen = run?.inside('config.yaml');
  const file = configFile ?? frozen;
  if (file === undefined) throw new UserError('MIM6005', `${target} is not inside a run, so it is not known on which images to evaluate it.`, 'Name an experiment with --config; its `data` are used.', 2);
  if (run && frozen === file && Object.keys(overrides).length === 0) return { experiment: parseResolved(await run.readConfig(), frozen), isOwn: true };
  const { resolved, locate } = await loadExperiment(file, overrides);
  return { experiment: resolved, origin: { file, locate }, isOwn: false };
}

async function requireOwnImages(run: RunDirectory, images: Parameters<typeof requireSameImages>[1]): Promise<void> {
  const inputs = await readInputs(run);
  if (inputs) requireSameImages(inputs, images);
}

/** The run's own teacher is the file it began with. */
export async function withTeacherOf(run: RunDirectory | undefined, isOwn: boolean, experiment: ResolvedExperiment, fetching: FetchOptions): Promise<ResolvedExperiment> {
  return run && isOwn ? withPinnedTeacher(experiment, await readInputs(run), fetching) : experiment;
}

/** Steps done when the weights were saved, from the checkpoint's folder; 0 for other files. */
export function stepOf(file: string): number {
  return Number(/step-(\d+)[\\/][^\\/]*$/.exec(file)?.[1] ?? 0);
}
