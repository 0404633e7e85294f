/** The queue as its folder tells it, to a supervisor or to anybody who looks. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { lockOwner } from '../runs/run-lock';
import { findStatus } from '../runs/run-state';
import { readAttempt, type Attempt } from './attempt';
import type { EntryRecord, EntryState, QueueEntry, QueueState } from './entry';
import { measureMachine, residentMemory } from './machine';
import type { QueueFiles } from './queue-files';
import { schedule, type Candidate, type Machine, type Standing } from './schedule';

/** An entry with all that is known of it. */
export interface Item {
  readonly id: string;
  readonly record: EntryRecord;
  readonly priority: number;
  readonly held: boolean;
  readonly cancelled: boolean;
  /** The last one. */
  readonly attempt?: Attempt;
  /** Attempts since a person last asked for it. */
  readonly tries: number;
  /** A person wants it begun anew, whatever became of the last attempt. */
  readonly retry?: { readonly anew: boolean };
}

export interface Look {
  readonly paused: boolean;
  readonly items: readonly Item[];
  readonly candidates: readonly Candidate[];
  readonly machine: Machine;
  readonly standings: ReadonlyMap<string, Standing>;
}

/** Looks again and again; entries that have ended are read once. */
export class QueueReader {
  private readonly ended = new Map<string, { readonly changedAt: number; readonly item: Item }>();

  constructor(readonly files: QueueFiles) {}

  async look(): Promise<Look> {
    const items: Item[] = [];
    for (const id of await this.files.ids()) {
      const item = await this.item(id);
      if (item !== undefined) items.push(item);
    }
    const paused = (await this.files.readPause()) !== undefined;
    const candidates = await Promise.all(items.map(candidateOf));
    const machine = await measureMachine(await this.files.readLimits());
    return { paused, items, candidates, machine, standings: schedule(candidates, machine, paused) };
  }

  /** What is shown of the queue. */
  async state(): Promise<QueueState> {
    const { paused, items, candidates, standings } = await this.look();
    const supervisor = await lockOwner(this.files.inside('supervisor.lock'), this.files.inside('supervisor.heartbeat'));
    const entries = await Promise.all(items.map((item, index) => this.entryOf(item, candidates[index]!, standings.get(item.id))));
    return { folder: this.files.folder, paused, ...(supervisor && { supervisor: { pid: supervisor.pid, host: supervisor.host } }), entries };
  }

  private async item(id: string): Promise<Item | undefined> {
    const folder = this.files.entry(id);
    const changedAt = await modified(folder);
    const known = this.ended.get(id);
    if (known !== undefined && known.changedAt === changedAt) return known.item;
    const record = known?.item.record ?? (await this.files.readEntry(id));
    if (record === undefined) return undefined;
    const [priority, retry, number] = await Promise.all([this.files.priority(id), this.files.readRetry(id), this.files.lastAttempt(id)]);
    const from = retry?.fromAttempt ?? 1;
    const [held, cancelled] = await Promise.all([isThere(path.join(folder, 'hold')), isThere(path.join(folder, 'cancel'))]);
    const attempt = number === 0 ? undefined : await readAttempt(this.files, id, number, record);
    const item: Item = { id, record, priority: priority ?? record.priority, held, cancelled, attempt, tries: number - from + 1, ...(from > number && retry && { retry }) };
    const isOver = attempt?.verdict !== undefined && attempt.verdict.state !== 'again' && item.retry === undefined;
    if (isOver && changedAt !== undefined) this.ended.set(id, { changedAt, item });
    else this.ended.delete(id);
    return item;
  }

  private async entryOf(item: Item, candidate: Candidate, standing: Standing | undefined): Promise<QueueEntry> {
    const { id, record, priority, attempt } = item;
    const { spec, name, needs, after, createdAt } = record;
    const folder = this.files.entry(id);
    const endedAt = attempt?.exit?.at ?? attempt?.verdict?.at;
    return {
      id, folder, name, spec, needs, after, createdAt, priority, ...(await shownState(item, candidate, standing)), attempts: attempt?.number ?? 0,
      ...(attempt && { jobFolder: attempt.folder }),
      ...(attempt?.startedAt !== undefined && { startedAt: attempt.startedAt }),
      ...(candidate.phase !== 'active' && candidate.phase !== 'waiting' && endedAt !== undefined && { endedAt }),
      ...(attempt?.run !== undefined && { run: attempt.run }),
    };
  }
}

async function candidateOf(item: Item, order: number): Promise<Candidate> {
  const { id, record, priority, held, attempt } = item;
  const phase = phaseOf(item);
  const resident = phase === 'active' && attempt?.worker !== undefined ? await residentMemory(attempt.worker.pid) : undefined;
  const notBefore = attempt?.verdict?.notBefore;
  return { id, phase, held, ...(notBefore !== undefined && { delayed: Date.parse(notBefore) > Date.now() }), priority, order, needs: record.needs, after: record.after, gpu: attempt?.launch?.gpu, ...(resident !== undefined && { resident }) };
}

function phaseOf({ attempt, cancelled, retry }: Item): Candidate['phase'] {
  const verdict = attempt?.verdict;
  if (attempt !== undefined && verdict === undefined && attempt.phase !== 'unlaunched') return 'active';
  if (cancelled) return verdict?.state === 'done' ? 'done' : 'ended';
  if (retry !== undefined || verdict === undefined || verdict.state === 'again') return 'waiting';
  return verdict.state === 'done' ? 'done' : 'ended';
}

/** An attempt that is over and not judged yet shows what its exit says. */
async function shownState({ attempt, cancelled }: Item, { phase }: Candidate, standing: Standing | undefined): Promise<{ state: EntryState; reason?: string }> {
  if (phase === 'waiting') return standingShown(standing, attempt?.verdict?.message);
  const verdict = attempt?.verdict;
  if (phase === 'active') {
    if (attempt!.exit !== undefined) return { state: attempt!.exit.state, ...(attempt!.exit.message !== undefined && { reason: attempt!.exit.message }) };
    if (attempt!.phase === 'launched') return { state: 'starting' };
    const paused = attempt!.run !== undefined && (await findStatus(attempt!.run))?.state === 'paused';
    return { state: paused ? 'paused' : 'running' };
  }
  if (verdict === undefined || verdict.state === 'again') return { state: cancelled ? 'cancelled' : 'stopped' };
  return { state: verdict.state, ...(verdict.message !== undefined && { reason: verdict.message }) };
}

function standingShown(standing: Standing | undefined, message: string | undefined): { state: EntryState; reason?: string } {
  if (standing?.kind === 'held') return { state: 'held' };
  const reason = [standing?.kind === 'start' || standing === undefined ? undefined : standing.reason, message].filter((part) => part !== undefined).join('; ');
  return { state: standing?.kind === 'blocked' ? 'blocked' : 'waiting', ...(reason !== '' && { reason }) };
}

function isThere(file: string): Promise<boolean> {
  return stat(file).then(() => true, () => false);
}

function modified(file: string): Promise<number | undefined> {
  return stat(file).then(({ mtimeMs }) => mtimeMs, () => undefined);
}
