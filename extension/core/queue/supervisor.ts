/**
 * The one process that starts what waits and judges what has ended. It may be killed at any moment: what it knows is in the
 * queue's folder, jobs are processes of their own, and the next supervisor goes on.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DEVICE_VARIABLE } from '../config/device-wish';
import { THREADS_VARIABLE } from '../config/usable-threads';
import { createFileAtomically } from '../files/durable-files';
import { requirePlace } from '../jobs/arguments';
import { readWorker } from '../jobs/job-files';
import type { JobSpec } from '../jobs/job';
import { launchJob, type JobCommand } from '../jobs/launch-job';
import { stopJob } from '../jobs/stop-job';
import { UserError } from '../problems';
import { thisProcess } from '../runs/processes';
import { isRun } from '../runs/run-directory';
import { acquireLock, lockOwner, type Unlock } from '../runs/run-lock';
import type { Attempt } from './attempt';
import type { Needs } from './entry';
import { memoryKills } from './out-of-memory';
import type { Limits, QueueFiles, Verdict } from './queue-files';
import { QueueReader, type Item, type Look } from './read-queue';
import type { Standing } from './schedule';
import { judge, type Judgement } from './verdict';
import { withRuns } from './named-runs';

export interface SupervisorOptions {
  readonly files: QueueFiles;
  /** What runs `mim`. */
  readonly command: JobCommand;
  /** Kept for later supervisors where any is given. */
  readonly limits?: Limits;
  /** Wait for more when nothing is left. */
  readonly stay?: boolean;
  /** Ends the supervision, not the jobs. */
  readonly signal?: AbortSignal;
  onMessage?(line: string): void;
}

const LOOK_MS = 1_000;

/**
 * Starts jobs until none is at work and none can start.
 * @throws UserError MIM7431 where another process supervises the queue
 */
export async function supervise(options: SupervisorOptions): Promise<void> {
  const { files, limits = {} } = options;
  await mkdir(files.folder, { recursive: true });
  const supervisor = new Supervisor(options);
  let unlock = await lock(files);
  try {
    if (Object.values(limits).some((limit) => limit !== undefined)) await files.writeLimits({ ...(await files.readLimits()), ...limits });
    for (;;) {
      const idle = await supervisor.work();
      if (options.signal?.aborted === true) return;
      if (idle && options.stay !== true) {
        // Whoever adds something looks at the lock afterwards: what was added before it was given back is seen here.
        await unlock();
        if (!(await supervisor.hasWork())) return;
        unlock = await lock(files);
      } else await supervisor.rest();
    }
  } finally {
    await unlock();
  }
}

async function lock(files: QueueFiles): Promise<Unlock> {
  const [file, heartbeat] = [files.inside('supervisor.lock'), files.inside('supervisor.heartbeat')];
  try {
    return await acquireLock(file, heartbeat);
  } catch (error) {
    const owner = await lockOwner(file, heartbeat);
    if (!(error instanceof UserError) || error.code !== 'MIM7101') throw error;
    const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`;
    throw new UserError('MIM7431', `The queue is already supervised by ${who}.`, 'One is enough: it starts whatever is added.');
  }
}

class Supervisor {
  private readonly reader: QueueReader;
  private wake: () => void = () => undefined;
  /** Attempts that were asked to stop, by folder. */
  private readonly stopped = new Set<string>();
  private readonly told = new Set<string>();

  constructor(private readonly options: SupervisorOptions) {
    this.reader = new QueueReader(options.files);
    options.signal?.addEventListener('abort', () => this.wake());
  }

  /** One look and what follows from it. @returns whether there is nothing to wait for */
  async work(): Promise<boolean> {
    await writeFile(this.options.files.inside('supervisor.heartbeat'), `beats of process ${process.pid}\n`);
    let look = await this.reader.look();
    if (await this.settle(look)) look = await this.reader.look();
    for (const item of look.items) {
      if (this.options.signal?.aborted === true) break;
      const standing = look.standings.get(item.id);
      if (standing?.kind === 'start') await this.careful(item.id, () => this.start(item, standing));
    }
    return isIdle(look);
  }

  async hasWork(): Promise<boolean> {
    return !isIdle(await this.reader.look());
  }

  /** Until the next look is due, a job has ended, or the supervision is to end. */
  rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.options.signal?.aborted === true) this.wake();
    });
  }

  /** Judges what is over, and asks what was cancelled to stop. @returns whether anything is other than before */
  private async settle({ items }: Look): Promise<boolean> {
    let changed = false;
    for (const item of items) {
      const { attempt } = item;
      if (attempt === undefined || attempt.verdict !== undefined) continue;
      if (attempt.phase === 'over') await this.careful(item.id, async () => (changed = (await this.conclude(item, attempt)) || changed));
      else if (item.cancelled && !this.stopped.has(attempt.folder)) await this.careful(item.id, () => this.stop(attempt));
    }
    return changed;
  }

  private async stop({ folder }: Attempt): Promise<void> {
    await stopJob(folder);
    this.stopped.add(folder);
  }

  /** @returns false where the attempt turned out to be alive */
  private async conclude(item: Item, attempt: Attempt): Promise<boolean> {
    const neverBegan = attempt.worker === undefined && attempt.exit === undefined;
    // A straggler that nobody knew of may still be on its way: whoever claims first has it.
    if (neverBegan && !(await createFileAtomically(path.join(attempt.folder, 'worker.json'), `${JSON.stringify(await thisProcess())}\n`))) return false;
    await this.decide(item, attempt.folder, await judge(item.record, attempt, { cancelled: item.cancelled, tries: item.tries, neverBegan }));
    return true;
  }

  private async start(item: Item, { gpu }: Extract<Standing, { kind: 'start' }>): Promise<void> {
    const { files, command } = this.options;
    const number = item.attempt?.phase === 'unlaunched' ? item.attempt.number : (item.attempt?.number ?? 0) + 1;
    await files.createAttempt(item.id, number);
    const folder = files.attempt(item.id, number);
    if ((await readWorker(folder)) !== undefined) return;
    try {
      const spec = await this.specOf(item);
      await files.writeLaunch(folder, { ...(gpu !== undefined && { gpu }), memoryKills: await memoryKills() });
      const child = await launchJob(folder, spec, { ...command, env: { ...command.env, ...granted(item.record.needs, gpu) } });
      child.once('exit', () => this.wake());
      this.say(`${item.id} ${item.record.name}: started, process ${child.pid}${number > 1 ? ` (attempt ${number})` : ''}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      await this.decide(item, folder, { state: 'failed', message: error.message });
    }
  }

  /** @throws UserError where what it needs is not there */
  private async specOf({ record, attempt, retry }: Item): Promise<JobSpec> {
    const goesOn = retry?.anew === false && record.spec.kind === 'pretrain' && attempt?.run !== undefined && (await isRun(attempt.run));
    const asked: JobSpec = goesOn ? { kind: 'resume', run: attempt.run! } : record.spec.kind === 'cell' ? { ...record.spec, retry: true } : record.spec;
    const spec = await withRuns(retry === undefined ? (attempt?.verdict?.next ?? record.spec) : asked, this.options.files);
    await requirePlace(spec);
    return spec;
  }

  private async decide({ id, record }: Item, folder: string, judgement: Judgement): Promise<void> {
    const verdict: Verdict = { ...judgement, at: new Date().toISOString() };
    await this.options.files.writeVerdict(folder, verdict);
    this.say(`${id} ${record.name}: ${verdict.state}${verdict.message === undefined ? '' : `: ${verdict.message}`}`);
  }

  /** What goes wrong with one entry, such as a full disk, is told once and tried again; the others go on. */
  private async careful(id: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const line = `${id}: ${error instanceof Error ? error.message : String(error)}`;
      if (!this.told.has(line)) this.say(line);
      this.told.add(line);
    }
  }

  private say(line: string): void {
    this.options.onMessage?.(line);
  }
}

/** How a job is told what it may take. */
function granted({ threads }: Needs, gpu: number | undefined): Record<string, string> {
  return { ...(threads > 0 && { [THREADS_VARIABLE]: String(threads) }), ...(gpu !== undefined && grantedGpu(String(gpu))) };
}

/** Our engines look at the first; CUDA at the others, and counts as `mim doctor` and the queue do where it is told to. */
function grantedGpu(number: string): Record<string, string> {
  return { [DEVICE_VARIABLE]: number, CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: number };
}

/** Nothing is at work, and nothing would start if only others ended. */
function isIdle({ candidates, standings, paused }: Look): boolean {
  if (candidates.some(({ phase }) => phase === 'active')) return false;
  return paused || ![...standings.values()].some(({ kind }) => kind === 'start' || kind === 'waiting');
}
