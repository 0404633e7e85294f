/**
 * The local queue, for the command line and the extension: everything is on disk, so that any number of processes may look
 * and ask. What starts jobs is one supervisor (`mim queue run`), which {@link Queue.ensureSupervisor} starts where there is none.
 */
import { spawn } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { JOB_VARIABLE } from '../jobs/job-files';
import type { JobCommand } from '../jobs/launch-job';
import { UserError } from '../problems';
import { RunDirectory } from '../runs/run-directory';
import { lockOwner } from '../runs/run-lock';
import type { EntryRecord, EntryState, QueueEntry, QueueState } from './entry';
import { QUEUE_VARIABLE, QueueFiles, setMark } from './queue-files';
import { QueueReader } from './read-queue';
import { stopJob } from '../jobs/stop-job';

const NOT_BEGUN: readonly EntryState[] = ['waiting', 'held', 'blocked'];
const AT_WORK: readonly EntryState[] = ['starting', 'running', 'paused'];

export class Queue {
  private readonly files: QueueFiles;
  private readonly reader: QueueReader;
  private readonly listeners = new Set<(state: QueueState) => void>();
  private timer: NodeJS.Timeout | undefined;
  private last = '';

  /** @param command what runs `mim` */
  constructor(readonly folder: string, private readonly command: JobCommand) {
    this.files = new QueueFiles(folder);
    this.reader = new QueueReader(this.files);
  }

  /** As it is now. A queue that nobody has used is empty. */
  read(): Promise<QueueState> {
    return this.reader.state();
  }

  /** @throws UserError MIM7433 */
  async entry(id: string): Promise<QueueEntry> {
    const { entries } = await this.read();
    const found = entries.find((one) => one.id === id);
    if (found !== undefined) return found;
    throw new UserError('MIM7433', `There is no entry ${id} in the queue.`, entries.length === 0 ? 'The queue is empty.' : '`mim queue list` shows those there are.', 4);
  }

  /** Tells of every change until what it returns is called, by looking each `pollMs`. */
  onChange(listener: (state: QueueState) => void, pollMs = 1_000): () => void {
    this.listeners.add(listener);
    this.timer ??= setInterval(() => void this.tell().catch(() => undefined), pollMs);
    this.timer.unref();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      clearInterval(this.timer);
      this.timer = undefined;
    };
  }

  /** @param files for its folder, texts by name. @returns its id. @throws UserError MIM7001, MIM7002, MIM7433 where it comes after an entry that is not there */
  async add(record: EntryRecord, files: Readonly<Record<string, string>> = {}): Promise<string> {
    for (const id of record.after) await this.entry(id);
    return this.files.createEntry(record, files);
  }

  /** Starts a supervisor of its own process unless one is at work. @returns whether it did */
  async ensureSupervisor(): Promise<boolean> {
    if ((await lockOwner(this.files.inside('supervisor.lock'), this.files.inside('supervisor.heartbeat'))) !== undefined) return false;
    await mkdir(this.folder, { recursive: true });
    const log = await open(this.files.inside('supervisor.log'), 'a');
    try {
      const { executable, args, env: given } = this.command;
      // A supervisor is nobody's job.
      const env = { ...process.env, ...given, [QUEUE_VARIABLE]: this.folder, [JOB_VARIABLE]: undefined };
      const child = spawn(executable, [...args, 'queue', 'run'], { detached: true, windowsHide: true, stdio: ['ignore', log.fd, log.fd], cwd: this.folder, env });
      await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
      child.unref();
      return true;
    } catch (error) {
      throw new UserError('MIM7434', `The queue's supervisor cannot be started (${error instanceof Error ? error.message : String(error)}).`, 'The entries wait; `mim queue run` starts them.');
    } finally {
      await log.close();
    }
  }

  /** Nothing new starts. @param running whether trainings at work also save a checkpoint and wait */
  async pause(running = false): Promise<void> {
    const { entries } = await this.read();
    const runs = running ? entries.filter(({ state, run, spec }) => state === 'running' && run !== undefined && spec.kind !== 'evaluate').map(({ run }) => run!) : [];
    const before = (await this.files.readPause())?.runs ?? [];
    await this.files.writePause({ runs: [...new Set([...before, ...runs])] });
    for (const run of runs) await (await RunDirectory.open(run)).requestPause();
  }

  /** Also lets the trainings go on that were paused with the queue. */
  async resume(): Promise<void> {
    for (const run of (await this.files.readPause())?.runs ?? []) await RunDirectory.open(run).then((at) => at.withdrawPause(), () => undefined);
    await setMark(this.files.inside('paused'), false);
  }

  /** One that waits never starts; a training saves a checkpoint and ends. @returns false where it had ended. @throws UserError MIM7433, MIM7304 */
  async cancel(id: string): Promise<boolean> {
    if (!isOpen((await this.entry(id)).state)) return false;
    await setMark(path.join(this.files.entry(id), 'cancel'), true);
    const { state, jobFolder } = await this.entry(id);
    if (AT_WORK.includes(state)) await stopJob(jobFolder!);
    return true;
  }

  /** @throws UserError MIM7433 */
  async setPriority(id: string, priority: number): Promise<void> {
    await this.entry(id);
    await this.files.setPriority(id, priority);
  }

  /** @returns false where it has begun. @throws UserError MIM7433 */
  async hold(id: string): Promise<boolean> {
    if (!NOT_BEGUN.includes((await this.entry(id)).state)) return false;
    await setMark(path.join(this.files.entry(id), 'hold'), true);
    return true;
  }

  /** @throws UserError MIM7433 */
  async release(id: string): Promise<void> {
    await this.entry(id);
    await setMark(path.join(this.files.entry(id), 'hold'), false);
  }

  /**
   * Begins one again that was stopped, failed or was cancelled: it goes on with its run where it has one, unless `anew`.
   * @returns false of any other. @throws UserError MIM7433
   */
  async retry(id: string, anew = false): Promise<boolean> {
    const { state, attempts } = await this.entry(id);
    if (isOpen(state) || state === 'done') return false;
    await this.files.retry(id, { fromAttempt: attempts + 1, anew });
    await setMark(path.join(this.files.entry(id), 'cancel'), false);
    return true;
  }

  /** Entries that have ended and that none of the others comes after. */
  async clearable(): Promise<QueueEntry[]> {
    const { entries } = await this.read();
    const needed = new Set(entries.filter(({ state }) => isOpen(state)).flatMap(({ after }) => after));
    return entries.filter(({ id, state }) => !isOpen(state) && !needed.has(id));
  }

  /** Removes the folders of entries, which {@link clearable} named; their runs stay. */
  async clear(entries: readonly QueueEntry[]): Promise<void> {
    await this.files.rememberLastNumber();
    for (const { folder } of entries) await rm(folder, { recursive: true, force: true });
  }

  private async tell(): Promise<void> {
    const state = await this.read();
    const text = JSON.stringify(state);
    if (text === this.last) return;
    this.last = text;
    for (const listener of this.listeners) listener(state);
  }
}

/** It waits or is at work. */
export function isOpen(state: EntryState): boolean {
  return NOT_BEGUN.includes(state) || AT_WORK.includes(state);
}
