/** Jobs as detached processes, found again from their folders alone: nothing of them lives in the window that started them. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../files/durable-files';
import { UserError } from '../problems';
import { requirePlace } from './arguments';
import type { Job, JobBoard, JobSpec } from './job';
import { isOver, readJob } from './job-state';
import { launchJob, type JobCommand } from './launch-job';
import { stopJob } from './stop-job';

export interface JobBoardOptions {
  /** Where job folders live; made when the first job starts. */
  readonly folder: string;
  readonly command: JobCommand;
  /** Milliseconds between looks; 0: only when asked. */
  readonly pollMs: number;
  /** Jobs that ended longer ago than this many days are not listed. Nothing is deleted. Default 14. */
  readonly keepDays?: number;
}

const DAY_MS = 86_400_000;

export function createJobBoard(options: JobBoardOptions): JobBoard {
  return new FolderJobBoard(options);
}

class FolderJobBoard implements JobBoard {
  private known: readonly Job[] = [];
  /** Those that are over, which change no more. */
  private readonly over = new Map<string, Job>();
  private readonly listeners = new Set<() => void>();
  private looking: Promise<void> | undefined;
  private readonly timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: JobBoardOptions) {
    if (options.pollMs > 0) {
      this.timer = setInterval(() => void this.refresh().catch(() => undefined), options.pollMs);
      this.timer.unref();
    }
  }

  get jobs(): readonly Job[] {
    return this.known;
  }

  async start(spec: JobSpec): Promise<Job> {
    await requirePlace(spec);
    const folder = await this.newFolder(spec);
    await launchJob(folder, spec, this.options.command);
    // A look that began before there was this job would show the list without it after one that has it.
    await this.looking?.catch(() => undefined);
    await this.refresh();
    return (await readJob(folder)) ?? { id: path.basename(folder), folder, spec, state: 'starting', startedAt: new Date().toISOString() };
  }

  stop(job: Job): Promise<void> {
    return stopJob(job.folder);
  }

  refresh(): Promise<void> {
    this.looking ??= this.look().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  dispose(): void {
    clearInterval(this.timer);
    this.listeners.clear();
  }

  private async look(): Promise<void> {
    const { folder, keepDays = 14 } = this.options;
    const oldest = Date.now() - keepDays * DAY_MS;
    const found: Job[] = [];
    for (const name of await readdir(folder).catch(() => [])) {
      const job = this.over.get(name) ?? (await readJob(path.join(folder, name)));
      if (job === undefined) continue;
      if (isOver(job.state)) this.over.set(name, job);
      if (!isOver(job.state) || Date.parse(job.startedAt) >= oldest) found.push(job);
    }
    found.sort((a, b) => b.startedAt.localeCompare(a.startedAt) || a.id.localeCompare(b.id));
    const changed = JSON.stringify(found) !== JSON.stringify(this.known);
    this.known = found;
    if (changed) for (const listener of this.listeners) listener();
  }

  private async newFolder({ kind }: JobSpec): Promise<string> {
    const { folder } = this.options;
    const name = `${new Date().toISOString().replace(/[:.]/g, '-')}-${kind}-${randomBytes(3).toString('hex')}`;
    try {
      await mkdir(path.join(folder, name), { recursive: true });
      return path.join(folder, name);
    } catch (error) {
      throw new UserError('MIM7301', `Jobs cannot be kept in ${folder} (${errorCode(error) ?? String(error)}).`, 'Make the folder writable, or open a folder that is.');
    }
  }
}
