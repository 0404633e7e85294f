/** The teacher and the images a run began with, kept in its environment.json: a resumed run uses the same or none. */
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import type { ResolvedExperiment } from '../core/config/schema';
import { errorCode, fingerprintFile, type Fingerprint } from '../core/files/durable-files';
import { commitOfCached } from '../core/hub/cache';
import { localWeights, type FetchOptions } from '../core/hub/fetch-weights';
import { isHubReference, parseHubReference, writeHubReference } from '../core/hub/reference';
import { UserError } from '../core/problems';
import type { RunDirectory } from '../core/runs/run-directory';
import { type DataIdentity, identityOf } from './data/identity';
import type { Prepared } from './prepare';

const identitySchema = z.object({ images: z.int(), fingerprint: z.string() }) satisfies z.ZodType<DataIdentity>;

const inputsSchema = z.object({
  /** The weight file that was read, also where a run's folder was named; of one from the Hub, `source` is its reference at the commit. */
  teacher: z.object({ file: z.string(), sha256: z.string(), source: z.string().optional() }).optional(),
  data: z.object({ train: identitySchema, test: identitySchema.optional() }),
});

export type RunInputs = z.output<typeof inputsSchema>;

export async function inputsOf({ experiment, train, test, teacher }: Prepared): Promise<RunInputs> {
  return {
    ...(teacher && { teacher: { file: teacher.report.file, sha256: (await fingerprintFile(teacher.report.file)).sha256, ...sourceOf(experiment.teacher?.checkpoint, teacher.report.file) } }),
    data: { train: identityOf(train, experiment.data), ...(test && { test: identityOf(test, experiment.data) }) },
  };
}

/** The reference at the very commit, from which the file can be had again. */
function sourceOf(checkpoint: string | undefined, file: string): { source?: string } {
  const revision = commitOfCached(file);
  if (checkpoint === undefined || !isHubReference(checkpoint) || revision === undefined) return {};
  const within = file.split(/[\\/]/);
  return { source: writeHubReference({ ...parseHubReference(checkpoint), revision, file: within.slice(within.lastIndexOf(revision) + 1).join('/') }) };
}

/** Undefined where the run does not say, as one made by an earlier version. */
export async function readInputs(run: RunDirectory): Promise<RunInputs | undefined> {
  const text = await readFile(run.inside('environment.json'), 'utf8').catch(() => '{}');
  try {
    return inputsSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * The experiment with the very file its teacher was read from: a run's newest checkpoint may be another by now.
 * @throws UserError MIM8003 where that file is gone, MIM8004 where it changed
 */
export async function withPinnedTeacher(experiment: ResolvedExperiment, inputs: RunInputs | undefined, fetching: FetchOptions = {}): Promise<ResolvedExperiment> {
  const pinned = inputs?.teacher;
  if (!pinned || !experiment.teacher) return experiment;
  const { file, sha256 } = await findPinned(pinned, fetching);
  if (sha256 !== pinned.sha256) {
    throw new UserError('MIM8004', `The teacher ${file} is not the file this run began with: its SHA-256 was ${short(pinned.sha256)} and is ${short(sha256)}.`, 'Put the file of then back, or start the experiment anew with `mim pretrain`.', 2);
  }
  return { ...experiment, teacher: { ...experiment.teacher, checkpoint: file } };
}

/** What came from the Hub is fetched again where the cache has lost it, as on another machine. */
async function findPinned({ file, source }: NonNullable<RunInputs['teacher']>, fetching: FetchOptions): Promise<Pick<Fingerprint, 'sha256'> & { file: string }> {
  try {
    return { file, ...(await fingerprintFile(file)) };
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR') throw error;
    if (source === undefined) throw new UserError('MIM8003', `The teacher this run began with, ${file}, is no longer there.`, 'Put the file back (its run may have pruned it), or start the experiment anew with `mim pretrain`.', 2);
    const fetched = await localWeights(source, fetching);
    return { file: fetched, ...(await fingerprintFile(fetched)) };
  }
}

/** @throws UserError MIM8005 where training or test images are not those the run began with */
export function requireSameImages({ data }: RunInputs, { experiment, train, test }: Pick<Prepared, 'experiment' | 'train' | 'test'>): void {
  requireSame('training', data.train, identityOf(train, experiment.data));
  if (data.test && test) requireSame('test', data.test, identityOf(test, experiment.data));
}

function requireSame(which: string, then: DataIdentity, now: DataIdentity): void {
  if (then.images === now.images && then.fingerprint === now.fingerprint) return;
  const how = then.images === now.images ? `${now.images} as then, but with other names or labels` : `${then.images} then, ${now.images} now`;
  throw new UserError('MIM8005', `The ${which} images are not those this run began with: ${how}.`, 'Put them back as they were, or start the experiment anew with `mim pretrain`.', 2);
}

function short(sha256: string): string {
  return `${sha256.slice(0, 12)}…`;
}
