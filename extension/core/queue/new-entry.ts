/** What a person asks for → an entry, after everything about it that can be wrong has been looked at. */
import path from 'node:path';
import { readFile } from 'node:fs/promises';
import { checkFiles } from '../config/check-files';
import { checkText, ConfigError, readSource } from '../config/load';
import { sortProblems } from '../config/location';
import { freezeResolved, parseResolved } from '../config/freeze';
import type { ResolvedExperiment } from '../config/schema';
import { wishedDevice } from '../config/device-wish';
import { needsGpu } from '../config/engine-traits';
import { smallerPasses } from '../config/smaller-passes';
import type { JobSpec } from '../jobs/job';
import type { Device, EntryRecord, Needs } from './entry';
import { estimateMemory } from './estimate-memory';

export interface EntryWishes {
  readonly priority?: number;
  /** Ids of entries that must be done first. */
  readonly after?: readonly string[];
  /** Absent: a GPU where the experiment's engine is one of a GPU. */
  readonly device?: Device;
  /** GiB; absent: estimated from the experiment. */
  readonly memory?: number;
  /** Absent: `engine.threads`. Where the experiment leaves that open, as many are used. */
  readonly threads?: number;
  /** Not begun anew in smaller passes where memory runs out. */
  readonly keepBatch?: boolean;
}

/** A training whose experiment is frozen now: what is written in it later is for later runs. */
export interface NewTraining {
  readonly record: EntryRecord;
  readonly resolved: ResolvedExperiment;
  /** For the entry's folder. */
  readonly files: Readonly<Record<string, string>>;
}

const FROZEN = 'experiment.yaml';
const MAX_ATTEMPTS = 3;
/** Weights that an earlier entry may yet make. */
const MADE_LATER = new Set(['MIM1204', 'MIM1205']);

/** @throws ConfigError, UserError MIM1000: the experiment cannot be run */
export async function trainingEntry(configFile: string, { set = {}, name }: { set?: Readonly<Record<string, string>>; name?: string }, wishes: EntryWishes, comesLater = false): Promise<NewTraining> {
  const source = await readSource(configFile);
  const checked = await checkedExperiment(configFile, source, set, comesLater);
  const resolved = { ...checked, name: name ?? checked.name };
  const spec: JobSpec = { kind: 'pretrain', configFile: FROZEN, experimentFile: path.resolve(configFile) };
  return { record: { ...entryRecord(spec, resolved.name, resolved, wishes), accumulate: wishes.keepBatch === true ? [] : smallerPasses(resolved), runs: resolved.runs }, resolved, files: { [FROZEN]: freezeResolved(resolved), 'source.yaml': source } };
}

/** @throws UserError MIM7105 where its config.yaml is damaged */
export async function runEntry(spec: Extract<JobSpec, { kind: 'resume' | 'evaluate' }>, wishes: EntryWishes): Promise<EntryRecord> {
  const file = path.join(spec.run, 'config.yaml');
  const resolved = parseResolved(await readFile(file, 'utf8'), file);
  return entryRecord(spec, path.basename(spec.run), resolved, wishes);
}

/** A probe of what another entry will have trained; it takes what that takes unless something else is said. */
export function probeEntry(spec: Extract<JobSpec, { kind: 'evaluate' }>, { name, needs }: Pick<EntryRecord, 'name' | 'needs'>, wishes: EntryWishes): EntryRecord {
  const { device = needs.device, memory = needs.memory, threads = needs.threads } = wishes;
  const record = entryRecord(spec, name, undefined, { ...wishes, device, memory, threads });
  return device === 'gpu' && needs.gpu !== undefined ? { ...record, needs: { ...record.needs, gpu: needs.gpu } } : record;
}

/** @param resolved what it trains or evaluates, from which is known what it takes unless the wishes say so */
export function entryRecord(spec: JobSpec, name: string, resolved: ResolvedExperiment | undefined, wishes: EntryWishes): EntryRecord {
  const needs: Needs = {
    ...deviceNeeded(resolved, wishes),
    memory: wishes.memory ?? (resolved === undefined ? 0 : estimateMemory(resolved)),
    threads: wishes.threads ?? resolved?.engine.threads ?? 0,
  };
  return { spec, name, priority: wishes.priority ?? 0, needs, after: wishes.after ?? [], createdAt: new Date().toISOString(), maxAttempts: MAX_ATTEMPTS, accumulate: [] };
}

/** A GPU that the experiment names by its number is the only one that will do. */
function deviceNeeded(resolved: ResolvedExperiment | undefined, { device = resolved && needsGpu(resolved.engine) ? 'gpu' : 'cpu' }: EntryWishes): Pick<Needs, 'device' | 'gpu'> {
  const named = device === 'gpu' ? wishedDevice(resolved?.engine.device, {}) : undefined;
  return { device, ...(typeof named === 'number' && { gpu: named }) };
}

async function checkedExperiment(file: string, source: string, overrides: Readonly<Record<string, string>>, comesLater: boolean): Promise<ResolvedExperiment> {
  const { experiment, resolved, problems, locate } = checkText(source, file, overrides);
  const files = experiment === undefined ? [] : await checkFiles(experiment, file, locate);
  const all = [...problems, ...(comesLater ? files.filter(({ code }) => !MADE_LATER.has(code)) : files)];
  if (resolved === undefined || all.some(({ severity }) => severity === 'error')) throw new ConfigError(sortProblems(all));
  return resolved;
}
