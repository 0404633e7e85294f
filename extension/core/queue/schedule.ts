/**
 * Which entries start now: a pure function of the queue and of what the machine has.
 *
 * By priority, then age. An entry that does not fit yet keeps what it needs reserved, so that smaller ones that come after it
 * take only what it leaves; it starts at the latest when those at work have ended. One that can never fit reserves nothing.
 */
import type { Needs } from './entry';

/** An entry as far as scheduling cares. */
export interface Candidate {
  readonly id: string;
  /** `ended`: for good and not done. */
  readonly phase: 'waiting' | 'active' | 'done' | 'ended';
  readonly held: boolean;
  /** It is to be tried again only later. */
  readonly delayed?: boolean;
  readonly priority: number;
  /** Place in the order of arrival. */
  readonly order: number;
  readonly needs: Needs;
  readonly after: readonly string[];
  /** GPU that an active one has. */
  readonly gpu?: number;
  /** Active: GiB that it already takes, as measured. */
  readonly resident?: number;
}

export interface Machine {
  readonly threads: number;
  readonly gpus: readonly number[];
  /** GiB that the queue may fill at most. */
  readonly memory: number;
  /** GiB free now, as measured, what jobs at work already take left out; absent where it cannot be measured. */
  readonly memoryFree?: number;
}

export type Standing =
  | { readonly kind: 'start'; readonly gpu?: number }
  | { readonly kind: 'waiting' | 'blocked'; readonly reason: string }
  | { readonly kind: 'held' };

/** @returns for each waiting entry what becomes of it now, in the order in which they are considered */
export function schedule(candidates: readonly Candidate[], machine: Machine, paused = false): Map<string, Standing> {
  const room = new Room(candidates, machine);
  const dependencies = new Dependencies(candidates);
  const standings = new Map<string, Standing>();
  for (const candidate of candidates.filter(({ phase }) => phase === 'waiting').sort(byTurn)) {
    standings.set(candidate.id, standingOf(candidate, room, dependencies, paused));
  }
  return standings;
}

function byTurn(a: Candidate, b: Candidate): number {
  return b.priority - a.priority || a.order - b.order;
}

function standingOf({ id, held, delayed, needs }: Candidate, room: Room, dependencies: Dependencies, paused: boolean): Standing {
  if (held) return { kind: 'held' };
  const blocked = dependencies.blocking(id) ?? room.neverFits(needs);
  if (blocked !== undefined) return { kind: 'blocked', reason: blocked };
  const awaited = dependencies.awaited(id);
  if (awaited !== undefined) return { kind: 'waiting', reason: awaited };
  if (delayed === true) return { kind: 'waiting', reason: 'is tried again in a while' };
  if (paused) return { kind: 'waiting', reason: 'the queue is paused' };
  return room.take(needs);
}

/** What is free, and what of it is promised to those whose turn it is. */
class Room {
  private threads: number;
  private gpus: readonly number[];
  /** Entries that wait for a GPU; those behind them do not overtake. */
  private gpusPromised = 0;
  private memory: number;

  constructor(candidates: readonly Candidate[], private readonly machine: Machine) {
    const active = candidates.filter(({ phase }) => phase === 'active');
    const sum = (of: (candidate: Candidate) => number): number => active.reduce((total, candidate) => total + of(candidate), 0);
    this.threads = machine.threads - sum(({ needs }) => threadsOf(needs, machine));
    this.gpus = machine.gpus.filter((gpu) => active.every((candidate) => candidate.gpu !== gpu));
    const budget = machine.memory - sum(({ needs }) => needs.memory);
    const measured = machine.memoryFree === undefined ? Infinity : machine.memoryFree - sum(({ needs, resident = 0 }) => Math.max(0, needs.memory - resident));
    this.memory = Math.min(budget, measured);
  }

  neverFits({ device, gpu, threads, memory }: Needs): string | undefined {
    const { machine } = this;
    if (device === 'gpu' && machine.gpus.length === 0) return 'needs a GPU; this machine shows none (`mim queue run --gpus 1` where it has one, `mim queue add --device cpu` to do without)';
    if (gpu !== undefined && !machine.gpus.includes(gpu)) return `needs GPU ${gpu}; there are ${machine.gpus.join(', ')}`;
    if (threads > machine.threads) return `needs ${threads} threads; there are ${machine.threads}`;
    if (memory > machine.memory) return `needs ${gib(memory)} of memory; there are ${gib(machine.memory)}`;
    return undefined;
  }

  /** Takes or reserves what is needed. */
  take(needs: Needs): Standing {
    const threads = threadsOf(needs, this.machine);
    const lacking = this.lacking(needs, threads);
    this.threads -= threads;
    this.memory -= needs.memory;
    if (needs.device === 'cpu') return lacking === undefined ? { kind: 'start' } : { kind: 'waiting', reason: lacking };
    const { gpu = this.gpus[0]! } = needs;
    if (lacking !== undefined && needs.gpu === undefined) this.gpusPromised++;
    else this.gpus = this.gpus.filter((free) => free !== gpu);
    return lacking === undefined ? { kind: 'start', gpu } : { kind: 'waiting', reason: lacking };
  }

  private lacking({ device, gpu, memory }: Needs, threads: number): string | undefined {
    if (device === 'gpu' && this.gpus.length <= this.gpusPromised) return gpu === undefined ? 'waits for a GPU' : `waits for GPU ${gpu}`;
    if (gpu !== undefined && !this.gpus.includes(gpu)) return `waits for GPU ${gpu}`;
    if (threads > this.threads) return `waits for ${threads} threads`;
    if (memory > this.memory) return `waits for ${gib(memory)} of memory`;
    return undefined;
  }
}

/** Who waits for whom. */
class Dependencies {
  private readonly byId: ReadonlyMap<string, Candidate>;

  constructor(candidates: readonly Candidate[]) {
    this.byId = new Map(candidates.map((candidate) => [candidate.id, candidate]));
  }

  /** Why it cannot start although it waits. Ids only name entries that were there before, so there are no cycles. */
  blocking(id: string): string | undefined {
    for (const dependency of this.byId.get(id)!.after) {
      const found = this.byId.get(dependency);
      if (found === undefined) return `${dependency}, which it comes after, is no longer in the queue`;
      if (found.phase === 'ended') return `${dependency}, which it comes after, did not get done`;
      if (found.phase === 'waiting' && this.blocking(dependency) !== undefined) return `${dependency}, which it comes after, is blocked`;
    }
    return undefined;
  }

  awaited(id: string): string | undefined {
    const open = this.byId.get(id)!.after.filter((dependency) => this.byId.get(dependency)?.phase !== 'done');
    return open.length === 0 ? undefined : `comes after ${open.join(', ')}`;
  }
}

function threadsOf({ threads }: Needs, machine: Machine): number {
  return threads === 0 ? machine.threads : threads;
}

function gib(amount: number): string {
  return `${Number(amount.toPrecision(3))} GiB`;
}
