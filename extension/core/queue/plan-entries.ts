/** Several things to do → entries in the order in which they depend on one another; nothing is added before all are checked. */
import path from 'node:path';
import { checkText, ConfigError, readSource } from '../config/load';
import type { ResolvedExperiment } from '../config/schema';
import { expandSweep } from '../config/sweep';
import type { JobSpec } from '../jobs/job';
import { cellsToDo } from '../sweeps/cells-to-do';
import { freezeSweep } from '../sweeps/freeze-sweep';
import { sweepStatus } from '../sweeps/status';
import { cellRecords } from './cell-entries';
import type { EntryRecord } from './entry';
import { probeEntry, runEntry, trainingEntry, type EntryWishes } from './new-entry';
import type { Queue } from './queue';

export type Target =
  | { readonly kind: 'experiment'; readonly configFile: string; readonly set?: Readonly<Record<string, string>>; readonly name?: string }
  | { readonly kind: 'run'; readonly run: string }
  /** The run of an entry that is in the queue. */
  | { readonly kind: 'entry'; readonly id: string };

type Experiment = Extract<Target, { kind: 'experiment' }>;

export interface PlanWishes extends EntryWishes {
  /** Each only once the one before it is done. */
  readonly chain?: boolean;
  /** Of every experiment's run when it is trained; of a run that is named instead of going on with it. */
  readonly probe?: Pick<Extract<JobSpec, { kind: 'evaluate' }>, 'protocol' | 'features' | 'preset'>;
}

/** An entry that is not there yet. Those planned before it are named by their places. */
export interface PlannedEntry {
  readonly record: EntryRecord;
  /** For its folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly after: readonly number[];
  /** Keys of the experiment that are the run of a planned entry, such as `teacher.checkpoint`; `run` of a probe. */
  readonly runs: Readonly<Record<string, number>>;
}

/** Keys under which an experiment may name another one's run. */
const WEIGHTS = ['teacher', 'init'] as const;

/** @throws ConfigError, UserError for the first target that cannot be run */
export async function planEntries(queue: Queue, targets: readonly Target[], wishes: PlanWishes): Promise<PlannedEntry[]> {
  const plan = new Plan(queue, wishes);
  for (const target of targets) await plan.add(target);
  return plan.entries;
}

/** @returns the ids, in the order of the plan. @throws UserError MIM7001, MIM7002, MIM7433 */
export async function addPlanned(queue: Queue, planned: readonly PlannedEntry[]): Promise<string[]> {
  const ids: string[] = [];
  for (const { record, files, after, runs } of planned) {
    const named = Object.fromEntries(Object.entries(runs).map(([key, place]) => [key, `@${ids[place]}`]));
    ids.push(await queue.add({ ...record, spec: withNamed(record.spec, named), after: [...record.after, ...after.map((place) => ids[place]!)] }, files));
  }
  return ids;
}

class Plan {
  readonly entries: PlannedEntry[] = [];
  /** Trainings so far, for those that come after them. */
  private readonly trained: { readonly place: number; readonly resolved: ResolvedExperiment }[] = [];
  /** What the next of a chain comes after. */
  private last: readonly number[] = [];

  constructor(private readonly queue: Queue, private readonly wishes: PlanWishes) {}

  async add(target: Target): Promise<void> {
    const after = this.wishes.chain === true ? this.last : [];
    if (target.kind !== 'experiment') this.last = [this.push({ record: await this.recordOf(target), after, runs: {} })];
    else if (await isSweep(target)) this.last = await this.addSweep(target, after);
    else this.last = [await this.addTraining(target, after)];
  }

  private async addTraining({ configFile, set, name }: Experiment, after: readonly number[]): Promise<number> {
    const comesLater = after.length > 0 || (this.wishes.after ?? []).length > 0;
    const { record, resolved, files } = await trainingEntry(configFile, { set, name }, this.wishes, comesLater);
    const place = this.push({ record, files, after, runs: after.length > 0 ? this.runsNamedBy(resolved) : {} });
    this.trained.push({ place, resolved });
    this.addProbe(place);
    return place;
  }

  /** Its cells that are not done and not in the queue, each an entry. The sweep is frozen for that. */
  private async addSweep({ configFile, set }: Experiment, after: readonly number[]): Promise<number[]> {
    const source = await readSource(configFile);
    const { sweep, problems } = expandSweep(source, configFile, set);
    if (sweep === undefined) throw new ConfigError(problems);
    const frozen = await freezeSweep(sweep, source, path.resolve(configFile));
    const cells = cellsToDo(await sweepStatus(sweep.runs, frozen), {});
    const { records } = await cellRecords(this.queue, { sweep: frozen, runs: sweep.runs, cells }, this.wishes);
    const places = records.map((record) => this.push({ record, after, runs: {} }));
    for (const place of places) this.addProbe(place);
    return places;
  }

  private addProbe(place: number): void {
    const { probe } = this.wishes;
    if (probe !== undefined) this.push({ record: probeEntry({ kind: 'evaluate', run: '', ...probe }, this.entries[place]!.record, this.wishes), after: [place], runs: { run: place } });
  }

  private async recordOf(target: Extract<Target, { kind: 'run' | 'entry' }>): Promise<EntryRecord> {
    const { probe, after = [] } = this.wishes;
    if (target.kind === 'run') return runEntry(probe === undefined ? { kind: 'resume', run: target.run } : { kind: 'evaluate', run: target.run, ...probe }, this.wishes);
    const entry = await this.queue.entry(target.id);
    return probeEntry({ kind: 'evaluate', run: `@${target.id}`, ...(probe ?? { protocol: 'knn' }) }, entry, { ...this.wishes, after: [...after, target.id] });
  }

  /** Weights that an experiment takes from where an earlier one of the chain would make its run: they are its run, wherever that will be. */
  private runsNamedBy(resolved: ResolvedExperiment): Record<string, number> {
    const named: Record<string, number> = {};
    for (const section of WEIGHTS) {
      const maker = this.trained.findLast(({ resolved: { runs, name } }) => resolved[section]?.checkpoint === path.join(runs, name));
      if (maker !== undefined) named[`${section}.checkpoint`] = maker.place;
    }
    return named;
  }

  private push(entry: PlannedEntry): number {
    return this.entries.push(entry) - 1;
  }
}

async function isSweep({ configFile, set }: Experiment): Promise<boolean> {
  return checkText(await readSource(configFile), configFile, set).experiment?.sweep !== undefined;
}

function withNamed(spec: JobSpec, named: Readonly<Record<string, string>>): JobSpec {
  if (spec.kind === 'evaluate') return { ...spec, run: named['run'] ?? spec.run };
  return spec.kind === 'pretrain' ? { ...spec, set: { ...spec.set, ...named } } : spec;
}
