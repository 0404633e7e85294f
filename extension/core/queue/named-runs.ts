/** `@ID` in a job's request: the run that entry ID trained. */
import type { JobSpec } from '../jobs/job';
import { UserError } from '../problems';
import { readAttempt } from './attempt';
import type { QueueFiles } from './queue-files';

const NAMED = /^@(\d+)$/;

/** Ids of the entries whose runs are named. */
export function namedEntries(spec: JobSpec): string[] {
  return texts(spec).flatMap((text) => NAMED.exec(text)?.[1] ?? []);
}

/** The request with paths in place of names. @throws UserError MIM7432 where an entry has no run */
export async function withRuns(spec: JobSpec, files: QueueFiles): Promise<JobSpec> {
  const runs = new Map<string, string>();
  for (const id of namedEntries(spec)) runs.set(`@${id}`, await runOf(id, files));
  const named = (text: string): string => runs.get(text) ?? text;
  if (spec.kind === 'resume' || spec.kind === 'evaluate') return { ...spec, run: named(spec.run) };
  if (spec.kind !== 'pretrain' || spec.set === undefined) return spec;
  return { ...spec, set: Object.fromEntries(Object.entries(spec.set).map(([key, value]) => [key, named(value)])) };
}

function texts(spec: JobSpec): string[] {
  if (spec.kind === 'resume' || spec.kind === 'evaluate') return [spec.run];
  return spec.kind === 'pretrain' ? Object.values(spec.set ?? {}) : [];
}

async function runOf(id: string, files: QueueFiles): Promise<string> {
  const record = await files.readEntry(id);
  const number = await files.lastAttempt(id);
  const run = record === undefined || number === 0 ? undefined : (await readAttempt(files, id, number, record)).run;
  if (run === undefined) throw new UserError('MIM7432', `Entry ${id} of the queue has no run.`, 'Name an entry that trains, such as one of an experiment.');
  return run;
}
