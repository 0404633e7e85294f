/** Jobs as detached processes, found again from their folders alone: nothing of them lives in the window that started them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { errorCode, writeFileAtomically } from '../files/durable-files';
import { UserError } from '../problems';
import { identify } from '../runs/processes';
import { RunDirectory } from '../runs/run-directory';
import { argumentsOf, placeOf } from './arguments';
import type { Job, JobBoard, JobSpec } from './job';
import { JOB_VARIABLE, readJobRecord, type ExitRecord, type JobRecord } from './job-files';
import { isOver, readJob } from './job-state';

export interface JobBoardOptions {
  /** Where job folders live; made when the first job starts. */
  readonly folder: string;
  /** What runs `mim`: `node` and `dist/mim.mjs`, to which the arguments of a job are added. */
  readonly command: { readonly executable: string; readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>> };
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
    const { executable, args } = this.options.command;
    const record: JobRecord = { spec, argv: [executable, ...args, ...argumentsOf(spec)], startedAt: new Date().toISOString(), host: os.hostname() };
    await writeRecord(folder, 'job.json', record);
    const pid = await this.launch(folder, record);
    await writeRecord(folder, 'job.json', { ...record, process: await identify(pid) });
    await this.look();
    return (await readJob(folder)) ?? { id: path.basename(folder), folder, spec, state: 'starting', startedAt: record.startedAt };
  }

  async stop(job: Job): Promise<void> {
    const record = await readJobRecord(job.folder);
    const now = await readJob(job.folder);
    if (record === undefined || now === undefined || isOver(now.state)) return;
    // A signal also reaches a sweep between two runs. Windows has none that can be answered, other hosts are out of reach.
    const signals = process.platform !== 'win32' && record.process?.host === os.hostname();
    if (!signals && now.run !== undefined && job.spec.kind !== 'evaluate') await (await RunDirectory.open(now.run)).requestStop();
    else if (record.process?.host === os.hostname()) terminate(record.process.pid);
    else throw new UserError('MIM7304', `The job was started on ${record.host} and has no run that could be asked to stop.`, 'Stop it on that machine.');
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

  /** @returns the process id. @throws UserError MIM7302 */
  private async launch(folder: string, { spec, argv }: JobRecord): Promise<number> {
    const log = await open(path.join(folder, 'output.log'), 'a');
    try {
      const env = { ...process.env, ...this.options.command.env, [JOB_VARIABLE]: folder };
      const child = spawn(argv[0]!, argv.slice(1), { detached: true, windowsHide: true, stdio: ['ignore', log.fd, log.fd], cwd: placeOf(spec).cwd, env });
      await started(child);
      child.unref();
      return child.pid!;
    } catch (error) {
      const message = `${argv[0]} cannot be started (${errorCode(error) ?? String(error)}).`;
      const exit: ExitRecord = { state: 'failed', message, at: new Date().toISOString() };
      await writeRecord(folder, 'exit.json', exit);
      throw new UserError('MIM7302', message, 'Check the path of the Node.js that runs `mim`.');
    } finally {
      await log.close();
    }
  }
}

async function requirePlace(spec: JobSpec): Promise<void> {
  const { needs } = placeOf(spec);
  if (await stat(needs).then((found) => found.isFile(), () => false)) return;
  throw new UserError('MIM7303', absence(spec), 'It may have been moved or deleted.');
}

function absence(spec: JobSpec): string {
  switch (spec.kind) {
    case 'pretrain':
    case 'sweep':
      return `There is no experiment file ${spec.configFile}.`;
    case 'cell':
      return `There is no sweep ${spec.sweep}.`;
    case 'resume':
    case 'evaluate':
      return `${spec.run} is not a run directory.`;
  }
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

async function writeRecord(folder: string, name: string, record: JobRecord | ExitRecord): Promise<void> {
  await writeFileAtomically(path.join(folder, name), `${JSON.stringify(record, null, 2)}\n`);
}
