/** Looks at everything an experiment names, in the order in which it can fail: images, teacher, method. */
import { importTeacher, type ImportedTeacher, type ImportReport } from '../core/checkpoints/import-teacher';
import { checkTeacherFit } from '../core/config/alignment-fit';
import { ConfigError } from '../core/config/load';
import type { Locator } from '../core/config/location';
import { withTeacherDepth } from '../core/config/resolve';
import type { ResolvedExperiment } from '../core/config/schema';
import { requireFullBatch } from './data/loader';
import { openImageSource } from './data/open-source';
import type { ImageSource } from './data/source';
import { createMethod } from './methods/create';
import type { Method } from './methods/method';
import { timelineOf, type Timeline } from './timeline';

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

/** Where problems of the experiment are, if it comes from a file that a person wrote. */
export interface Origin {
  readonly file: string;
  readonly locate: Locator;
}

/**
 * @throws ConfigError if the teacher does not fit the experiment; UserError for data and teachers that cannot be used
 */
export async function prepare(resolved: ResolvedExperiment, origin?: Origin): Promise<Prepared> {
  const train = await openImageSource(resolved.data, 'train', resolved.data.seed);
  const test = resolved.evaluate.length > 0 ? await openImageSource(resolved.data, 'test', resolved.data.seed) : undefined;
  const teacher = resolved.teacher?.checkpoint === undefined ? undefined : await importTeacher(resolved.teacher.checkpoint, resolved.teacher);
  const experiment = teacher ? withTeacherDepth(resolved, teacher.shape.depth) : resolved;
  const notes = [`Training images: ${train.describe()}`, ...(test ? [`Test images: ${test.describe()}`] : [])];
  if (teacher) {
    notes.push(describeImport(teacher.report));
    const problems = checkTeacherFit(experiment, teacher.shape, origin);
    if (problems.some(({ severity }) => severity === 'error')) throw new ConfigError(problems);
    notes.push(...problems.map(({ message }) => `Note: ${message}`));
  }
  requireFullBatch(train, experiment.optimizer.batch_size);
  const timeline = timelineOf(experiment, train.length);
  const method = createMethod(experiment, { teacher, classCount: train.classNames.length });
  return { experiment, train, test, teacher, method, timeline, notes };
}

/** `Teacher: …: 150 tensors used (timm naming), 2 ignored, none missing`. */
export function describeImport({ file, format, used, ignored, missing }: ImportReport): string {
  const named = (names: readonly string[]): string => (names.length === 0 ? 'none' : `${names.length} (${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''})`);
  return `Teacher: ${file}: ${used.length} tensors used (${format} naming), ignored ${named(ignored)}, missing ${named(missing)}`;
}
