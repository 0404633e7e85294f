/** What waits in the queue, is at work, or has ended there: the plain data that supervisor and viewers share. */
import type { JobSpec } from '../jobs/job';

export type Device = 'cpu' | 'gpu';

/** What a job takes of the machine while it runs. */
export interface Needs {
  readonly device: Device;
  /** The one GPU, by number, that its experiment names; absent: any. */
  readonly gpu?: number;
  /** GiB. */
  readonly memory: number;
  /** Compute threads; 0: every one there is. */
  readonly threads: number;
}

/** What was asked for; never changed once the entry is there. */
export interface EntryRecord {
  /** A run may be named `@ID`: the one that entry ID trained. */
  readonly spec: JobSpec;
  /** For people: the experiment's or the run's name. */
  readonly name: string;
  readonly priority: number;
  readonly needs: Needs;
  /** Ids of the entries that must be done first. */
  readonly after: readonly string[];
  /** ISO 8601. */
  readonly createdAt: string;
  /** How often a job whose process vanished is begun again, the first time included. */
  readonly maxAttempts: number;
  /** `optimizer.accumulate` of a further attempt after want of memory, in turn; empty: none. */
  readonly accumulate: readonly number[];
  /** Where its run is made, to find the run of a process that vanished before it could name it. */
  readonly runs?: string;
}

/**
 * `blocked`: it cannot start until somebody does something, as `reason` says. `starting`: launched, and not yet heard of.
 * `paused`: its run waits.
 */
export type EntryState = 'waiting' | 'held' | 'blocked' | 'starting' | 'running' | 'paused' | 'done' | 'stopped' | 'failed' | 'cancelled';

export interface QueueEntry {
  readonly id: string;
  readonly folder: string;
  readonly name: string;
  readonly spec: JobSpec;
  readonly needs: Needs;
  readonly after: readonly string[];
  readonly createdAt: string;
  /** As last set. */
  readonly priority: number;
  readonly state: EntryState;
  /** Why it waits, is blocked, or ended so. */
  readonly reason?: string;
  /** How often it was begun. */
  readonly attempts: number;
  /** Job folder of the last attempt. */
  readonly jobFolder?: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** The run it trains or evaluates, once known. */
  readonly run?: string;
}

export interface QueueState {
  readonly folder: string;
  /** Nothing new starts. */
  readonly paused: boolean;
  /** Process that starts the jobs; absent: nobody does. */
  readonly supervisor?: { readonly pid: number; readonly host: string };
  /** In the order in which they were added. */
  readonly entries: readonly QueueEntry[];
}
