/** A queue of the built program in a folder of its own, for tests. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EntryState, QueueEntry, QueueState } from '../../extension/core/queue/entry';
import { readWorker } from '../../extension/core/jobs/job-files';
import { startMim, type RunningMim } from '../unit/cli/built-mim';
import { fastFolder } from './fast-folder';

export class QueueBench {
  private readonly supervisors: RunningMim[] = [];

  private constructor(readonly folder: string) {}

  static async open(): Promise<QueueBench> {
    return new QueueBench(await fastFolder('mim-queue-'));
  }

  get environment(): Record<string, string> {
    return { MIM_QUEUE: join(this.folder, 'queue') };
  }

  /** What a command answers; it must end with `code`. */
  async mim(args: readonly string[], code = 0): Promise<string> {
    const running = startMim(args, this.environment);
    const ended = await running.ended;
    expect(ended.code, running.stderr()).toBe(code);
    return code === 0 ? running.stdout() : running.stderr();
  }

  async add(...args: readonly string[]): Promise<string[]> {
    return (JSON.parse(await this.mim(['queue', 'add', '--no-start', '--json', ...args])) as { ids: string[] }).ids;
  }

  async state(): Promise<QueueState> {
    return JSON.parse(await this.mim(['queue', 'list', '--json'])) as QueueState;
  }

  async entry(id: string): Promise<QueueEntry> {
    return (await this.state()).entries.find((entry) => entry.id === id)!;
  }

  async until(id: string, ...wanted: readonly EntryState[]): Promise<QueueEntry> {
    for (;;) {
      const entry = await this.entry(id);
      if (wanted.includes(entry.state)) return entry;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  supervise(...args: readonly string[]): RunningMim {
    const supervisor = startMim(['queue', 'run', ...args], this.environment);
    this.supervisors.push(supervisor);
    return supervisor;
  }

  /** Supervises until nothing is left. */
  async runToEnd(...args: readonly string[]): Promise<RunningMim> {
    const supervisor = this.supervise(...args);
    expect((await supervisor.ended).code, supervisor.stderr()).toBe(0);
    return supervisor;
  }

  async log(id: string, attempt: number): Promise<string> {
    return readFile(join(this.folder, 'queue', 'entries', id, 'attempts', String(attempt), 'output.log'), 'utf8');
  }

  /** Ends whatever is at work, by the process ids that the entries have. */
  async close(): Promise<void> {
    for (const { process: child } of this.supervisors) child.kill('SIGKILL');
    for (const { jobFolder } of (await this.state()).entries) {
      const worker = jobFolder === undefined ? undefined : await readWorker(jobFolder);
      if (worker !== undefined && worker.pid !== process.pid) kill(worker.pid);
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
