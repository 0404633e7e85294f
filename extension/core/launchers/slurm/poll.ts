/** Asking Slurm what its tasks do: one question for all jobs of a cluster, not often, and less often while it fails. */
import { UserError } from '../../problems';
import { parseSacct, parseSqueue, sacctArguments, squeueArguments, type TaskReport } from './commands';
import { lastLine, type Transport } from './transport';

const INTERVAL_MS = 5_000;
const LONGEST_MS = 300_000;

export interface Answer {
  /** By task, `1234_5`. Of the last answer there was. */
  readonly tasks: ReadonlyMap<string, TaskReport>;
  /** Why Slurm could not be asked; undefined where it answered. */
  readonly failure?: UserError;
}

export class SlurmPoll {
  private last: Answer = { tasks: new Map() };
  private next = 0;
  private failures = 0;
  /** sacct is a hint where a site has it; one that has not is asked once. */
  private accounts = true;

  constructor(
    private readonly transport: Transport,
    private readonly now: () => number = Date.now,
    private readonly intervalMs = INTERVAL_MS,
  ) {}

  /** ms until another question may be asked. */
  get waitMs(): number {
    return Math.max(0, this.next - this.now());
  }

  /**
   * Within the interval the last answer once more. Never throws.
   * @param jobs ids whose tasks are wanted, for those Slurm's controller has forgotten
   */
  async ask(jobs: readonly string[]): Promise<Answer> {
    if (this.waitMs > 0) return this.last;
    try {
      const tasks = await this.queue();
      const forgotten = jobs.filter((job) => ![...tasks.keys()].some((task) => task.startsWith(`${job}_`)));
      for (const report of await this.accounted(forgotten)) tasks.set(report.task, report);
      this.failures = 0;
      this.last = { tasks };
    } catch (error) {
      this.failures++;
      this.last = { tasks: this.last.tasks, failure: error instanceof UserError ? error : unanswered(String(error)) };
    }
    this.next = this.now() + Math.min(LONGEST_MS, this.intervalMs * 2 ** this.failures);
    return this.last;
  }

  private async queue(): Promise<Map<string, TaskReport>> {
    const { code, stdout, stderr } = await this.transport.run(squeueArguments());
    if (code !== 0) throw unanswered(lastLine(stderr) ?? `exit code ${code}`);
    return new Map(parseSqueue(stdout).map((report) => [report.task, report]));
  }

  private async accounted(jobs: readonly string[]): Promise<TaskReport[]> {
    if (!this.accounts || jobs.length === 0) return [];
    const { code, stdout } = await this.transport.run(sacctArguments(jobs)).catch(() => ({ code: 1, stdout: '' }));
    this.accounts = code === 0;
    return code === 0 ? parseSacct(stdout) : [];
  }
}

function unanswered(why: string): UserError {
  return new UserError('MIM7463', `squeue failed: ${why}`, 'Slurm’s controller may be down or busy: `scontrol ping` tells. Jobs go on without it.');
}
