/** An experiment as written → one with every name resolved and every derived value filled in. */
import { homedir } from 'node:os';
import { basename, dirname, resolve as resolvePath } from 'node:path';
import { isHubReference } from '../hub/reference';
import type { Problem } from '../problems';
import { checkExperiment } from './checks';
import { visibleCount } from './keep-count';
import { resolveLevels } from './levels';
import { type Locator, nowhere, sortProblems } from './location';
import { hidesPatches, methodTraits } from './method-traits';
import { ProblemList } from './problem-list';
import { resolveDecoder, resolveReconstruction } from './resolve-method';
import { resolveVit } from './resolve-vit';
import type { DataConfig, EngineConfig, Experiment, ResolvedExperiment, ScheduleConfig, TeacherConfig } from './schema';
import { codebookSchema, engineSchema } from './schema';

export interface ResolveOptions {
  /** Blocks of the teacher, M, once it has been imported; until then that of the student stands for it. */
  readonly teacherDepth?: number;
  /** Places of the keys, so that problems have them; a key without a place is not written. */
  readonly locate?: Locator;
}

/** The size of a batch for which `blr` is stated. */
const REFERENCE_BATCH = 256;

/** Warm-up of the official recipe: 20 of 200 epochs. */
const WARMUP_SHARE = 0.1;

/**
 * Resolves names and derives values; pure, apart from the home folder for `~`.
 *
 * @param file the experiment's file: paths in the experiment are relative to its folder, and its name is the default name of the run
 * @returns `resolved` unless a problem is an error
 */
export function resolveExperiment(
  experiment: Experiment,
  file: string,
  { teacherDepth, locate = nowhere }: ResolveOptions = {},
): { resolved?: ResolvedExperiment; problems: Problem[] } {
  const problems = new ProblemList(file, locate);
  const student = resolveVit(experiment, problems);
  if (!student) return { problems: sortProblems(problems.all) };

  const { sweep: _sweep, launcher: _launcher, decoder: writtenDecoder, reconstruction: writtenReconstruction, codebook: writtenCodebook, ...single } = experiment;
  const { optimizer, teacher } = single;
  const patchCount = Math.floor(student.imageSize / student.patchSize) ** 2;
  const absolute = (path: string) => absolutePath(path, file);
  const decoder = resolveDecoder(single.method, writtenDecoder, student);
  const reconstruction = resolveReconstruction(single.method, writtenReconstruction ?? {}, student);
  const resolved: ResolvedExperiment = {
    ...single,
    name: experiment.name ?? nameOfFile(file),
    data: resolveData(experiment, absolute, locate),
    student,
    ...(teacher && { teacher: resolveTeacher(teacher, absolute) }),
    ...(single.init && { init: { checkpoint: absolute(single.init.checkpoint) } }),
    ...(decoder && { decoder }),
    ...(reconstruction && { reconstruction }),
    ...(methodTraits[single.method].target === 'teacher-codes' && { codebook: writtenCodebook ?? codebookSchema.parse({}) }),
    schedule: resolveSchedule(experiment.schedule),
    engine: resolveEngine(experiment),
    runs: absolute(experiment.runs),
    derived: {
      learningRate: optimizer.lr ?? (optimizer.blr * optimizer.batch_size) / REFERENCE_BATCH,
      levels: resolveLevels(experiment.alignment.levels, teacherDepth ?? student.depth),
      patchCount,
      keepCount: hidesPatches(experiment.method) ? visibleCount(experiment.masking, patchCount, experiment.method) : patchCount,
      microBatch: Math.floor(optimizer.batch_size / optimizer.accumulate),
    },
  };
  // Without a file for the teacher, the teacher is the student's average and as deep.
  const knownDepth = teacherDepth ?? (teacher?.ema && !teacher.checkpoint ? student.depth : undefined);
  checkExperiment(resolved, problems, knownDepth);
  return { ...(!problems.hasErrors && { resolved }), problems: sortProblems(problems.all) };
}

/** The same experiment once the depth of the teacher, M, is known: `levels: auto` depends on it. */
export function withTeacherDepth(resolved: ResolvedExperiment, teacherDepth: number): ResolvedExperiment {
  return { ...resolved, derived: { ...resolved.derived, levels: resolveLevels(resolved.alignment.levels, teacherDepth) } };
}

/** With nothing to evaluate, no training image is given up for it, unless the experiment says so itself. */
function resolveData({ data, evaluate }: Experiment, absolute: (path: string) => string, locate: Locator): DataConfig {
  const holdsOut = evaluate.length > 0 || locate('data.holdout') !== undefined;
  return {
    ...data,
    ...(data.path !== undefined && { path: absolute(data.path) }),
    ...(data.test_path !== undefined && { test_path: absolute(data.test_path) }),
    holdout: holdsOut ? data.holdout : 0,
  };
}

function resolveSchedule(schedule: Experiment['schedule']): ScheduleConfig {
  return { ...schedule, warmup_epochs: schedule.warmup_epochs ?? schedule.epochs * WARMUP_SHARE };
}

function resolveEngine({ engine }: Experiment): EngineConfig {
  return typeof engine === 'string' ? engineSchema.parse({ kind: engine }) : engine;
}

function resolveTeacher(teacher: TeacherConfig, absolute: (path: string) => string): TeacherConfig {
  const { checkpoint, cache } = teacher;
  return {
    ...teacher,
    ...(checkpoint !== undefined && { checkpoint: absolute(checkpoint) }),
    ...(cache?.folder !== undefined && { cache: { ...cache, folder: absolute(cache.folder) } }),
  };
}

/** A path of the experiment, from the folder its file is in; `~` is the home folder. What is on the Hub (`hf://`) stays as it is. */
export function absolutePath(path: string, file: string): string {
  if (isHubReference(path)) return path;
  const expanded = path === '~' || path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path;
  return resolvePath(dirname(file), expanded);
}

/** `quickstart.mim.yaml` → `quickstart`, with anything odd made a `-`. */
function nameOfFile(file: string): string {
  const stem = basename(file).replace(/\.ya?ml$/i, '').replace(/\.mim$/i, '');
  return stem.replace(/[^\w.-]+/g, '-').replace(/^\.+/, '').slice(0, 100) || 'experiment';
}
