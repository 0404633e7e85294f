/** Looks at everything an experiment names, in the order in which it can fail: images, teacher, method. */
import { importTeacher, type ImportedTeacher, type ImportReport } from '../core/checkpoints/import-teacher';
import { checkTeacherFit } from '../core/config/alignment-fit';
import { blaming, type Origin } from '../core/config/blame';
import { ConfigError } from '../core/config/load';
import { withTeacherDepth } from '../core/config/resolve';
import type { ResolvedExperiment } from '../core/config/schema';
import { localWeights, type FetchOptions } from '../core/hub/fetch-weights';
import { requireLabels } from './data/labels';
import { requireFullBatch } from './data/loader';
import { openImageSource } from './data/open-source';
import type { ImageSource } from './data/source';
import { createMethod } from './methods/create';
import type { Method } from './methods/method';
import { timelineOf, type Timeline } from './timeline';

/** Keys to blame, the likeliest first. */
const TRAINING_IMAGES = ['data.path', 'data.kind', 'data'];
const TEST_IMAGES = ['data.test_path', ...TRAINING_IMAGES];

/** What is known of an experiment once its images and its teacher have been looked at. */
export interface Prepared {
  /** With everything derived that depends on the teacher. */
  readonly experiment: ResolvedExperiment;
  readonly train: ImageSource;
  readonly test: ImageSource | undefined;
  readonly teacher: ImportedTeacher | undefined;
  readonly method: Method;
  readonly timeline: Timeline;
  /** For the person who started it: sources, the teacher's import report. */
  readonly notes: readonly string[];
}

/**
 * @param origin where problems are told; without it, as on resuming, they are errors without a place
 * @param fetching who hears of weights that are downloaded
 * @throws ConfigError for images and teachers that cannot be used or do not fit the experiment; UserError without an origin
 */
export async function prepare(resolved: ResolvedExperiment, origin?: Origin, fetching: FetchOptions = {}): Promise<Prepared> {
  const { train, test } = await openImages(resolved, origin);
  const teacher = await blaming(origin, ['teacher.checkpoint'], () => teacherOf(resolved, fetching));
  const experiment = teacher ? withTeacherDepth(resolved, teacher.shape.depth) : resolved;
  const notes = [`Training images: ${train.describe()}`, ...(test ? [`Test images: ${test.describe()}`] : [])];
  if (teacher) {
    notes.push(describeImport(teacher.report));
    const problems = checkTeacherFit(experiment, teacher.shape, origin);
    if (problems.some(({ severity }) => severity === 'error')) throw new ConfigError(problems);
    notes.push(...problems.map(({ message }) => `Note: ${message}`));
  }
  await blaming(origin, ['optimizer.batch_size', 'data.limit', 'data.size', 'data.path'], () => requireFullBatch(train, experiment.optimizer.batch_size));
  const timeline = timelineOf(experiment, train.length);
  const method = await blaming(origin, experiment.method === 'supervised' ? TRAINING_IMAGES : ['teacher.checkpoint'], () =>
    createMethod(experiment, { teacher, classCount: train.classNames.length }),
  );
  return { experiment, train, test, teacher, method, timeline, notes };
}

/** Opened, and known to have the labels that are asked for. */
async function openImages({ method, evaluate, data }: ResolvedExperiment, origin: Origin | undefined): Promise<Pick<Prepared, 'train' | 'test'>> {
  if (evaluate.length > 0) return openLabelledImages({ data }, origin);
  const train = await openTrainingImages({ data }, origin);
  if (method === 'supervised') await blaming(origin, TRAINING_IMAGES, () => requireLabels(train, 'training', train.classNames.length, '`method: supervised`'));
  return { train, test: undefined };
}

/** Labelled or not. @throws ConfigError, or UserError without an origin */
export function openTrainingImages({ data }: Pick<ResolvedExperiment, 'data'>, origin?: Origin): Promise<ImageSource> {
  return blaming(origin, TRAINING_IMAGES, () => openImageSource(data, 'train', data.seed));
}

/** What a probe needs. @throws ConfigError, or UserError without an origin */
export async function openLabelledImages({ data }: Pick<ResolvedExperiment, 'data'>, origin?: Origin): Promise<{ train: ImageSource; test: ImageSource }> {
  const train = await openTrainingImages({ data }, origin);
  const test = await blaming(origin, TEST_IMAGES, () => openImageSource(data, 'test', data.seed));
  const classCount = train.classNames.length;
  await blaming(origin, TRAINING_IMAGES, () => requireLabels(train, 'training', classCount, 'A probe'));
  await blaming(origin, TEST_IMAGES, () => requireLabels(test, 'test', classCount, 'A probe'));
  return { train, test };
}

/** The frozen teacher of an experiment, with all that its targets need; undefined without one. */
export async function teacherOf({ teacher, reconstruction }: ResolvedExperiment, fetching: FetchOptions): Promise<ImportedTeacher | undefined> {
  const file = teacher?.checkpoint;
  return file === undefined ? undefined : importTeacher(await localWeights(file, fetching), { ...teacher, projection: reconstruction?.project });
}

/** `Teacher: …: 150 tensors used (timm naming), 2 ignored, none missing`. */
export function describeImport({ file, format, used, ignored, missing }: ImportReport): string {
  const named = (names: readonly string[]): string => (names.length === 0 ? 'none' : `${names.length} (${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''})`);
  return `Teacher: ${file}: ${used.length} tensors used (${format} naming), ignored ${named(ignored)}, missing ${named(missing)}`;
}
