/** Every cell of a sweep that was handed to Slurm: what became of it, by all that is known. */
import type { UserError } from '../../problems';
import { readCellExit } from '../../sweeps/cell-files';
import { sweepFile, type SweepRecord } from '../../sweeps/record';
import { sweepStatus, type CellStatus } from '../../sweeps/status';
import type { TaskReport } from './commands';
import { SlurmPoll } from './poll';
import { logFile } from './script';
import { cellState, type CellState } from './states';
import { readHistory, readSubmissions, slurmFolder, tasksOf, type CellTask, type Submitted } from './submission';
import { transportTo } from './transport';

export interface CellRow {
  readonly index: number;
  readonly name: string;
  readonly values: Readonly<Record<string, string | number | boolean>>;
  readonly state: CellState;
  readonly requeues: number;
  readonly reason?: string;
  /** The newest task, `1234_5`. */
  readonly task?: string;
  readonly node?: string;
  /** Of the newest task. */
  readonly log?: string;
  /** Login node of the newest task. */
  readonly host?: string;
  readonly run?: string;
  readonly step?: number;
  readonly totalSteps?: number;
}

export interface SlurmStatus {
  readonly cells: readonly CellRow[];
  /** Clusters that could not be asked, and why; the rows then tell what is known without them. */
  readonly failures: readonly UserError[];
}

/** One poll for each cluster, this machine's or a login node's, kept from one look to the next. */
export class SlurmWatch {
  private readonly polls = new Map<string | undefined, SlurmPoll>();

  constructor(private readonly pollFor = (host: string | undefined): SlurmPoll => new SlurmPoll(transportTo(host))) {}

  /** ms until the next question to any cluster makes sense. */
  get waitMs(): number {
    return Math.max(0, ...[...this.polls.values()].map(({ waitMs }) => waitMs));
  }

  /** @param runs the runs folder, absolute */
  async look(runs: string, record: SweepRecord): Promise<SlurmStatus> {
    const folder = slurmFolder(runs, record.name);
    const submissions = await readSubmissions(folder);
    const cells = await sweepStatus(runs, record);
    const histories = await Promise.all(cells.map(({ index }) => readHistory(folder, index)));
    const tasks = cells.map(({ index }, i) => tasksOf(index, submissions, histories[i]!));
    // Where every cell is finished nobody needs to be asked.
    const open = tasks.filter((_, i) => cells[i]!.state !== 'finished').flat();
    const { reports, failures } = await this.ask(submissions, open);
    const rows = await Promise.all(
      cells.map(async (cell, i) => {
        const task = newest(tasks[i]!, reports);
        const exit = await readCellExit(sweepFile(runs, record.name), cell.index);
        const facts = { task: task?.task, report: task && reports.get(task.task), unknown: failures.length > 0, history: histories[i]!, run: runOf(cell), exit };
        return { ...cellState(facts), ...describe(cell, folder, task, facts.report) };
      }),
    );
    return { cells: rows, failures };
  }

  private async ask(submissions: readonly Submitted[], tasks: readonly CellTask[]): Promise<{ reports: Map<string, TaskReport>; failures: UserError[] }> {
    const reports = new Map<string, TaskReport>();
    const failures: UserError[] = [];
    for (const host of new Set(submissions.map((submission) => submission.host))) {
      const jobs = new Set(tasks.filter((task) => task.host === host).map(({ task }) => task.split('_')[0]!));
      if (jobs.size === 0) continue;
      const answer = await this.pollOf(host).ask([...jobs]);
      if (answer.failure) failures.push(answer.failure);
      // Ids of two clusters may be equal.
      for (const { task } of tasks.filter((one) => one.host === host)) {
        const report = answer.tasks.get(task);
        if (report) reports.set(task, report);
      }
    }
    return { reports, failures };
  }

  private pollOf(host: string | undefined): SlurmPoll {
    const poll = this.polls.get(host) ?? this.pollFor(host);
    this.polls.set(host, poll);
    return poll;
  }
}

/** The last that was made; but one that Slurm still has at work, where a user submitted an older script by hand. */
function newest(tasks: readonly CellTask[], reports: ReadonlyMap<string, TaskReport>): CellTask | undefined {
  return tasks.findLast(({ task }) => ['PENDING', 'RUNNING', 'COMPLETING', 'SUSPENDED'].includes(reports.get(task)?.state ?? '')) ?? tasks.at(-1);
}

function runOf({ state, run }: CellStatus): { state: NonNullable<CellStatus['run']>['state'] | 'missing'; message?: string } {
  return { state: state === 'dropped' ? 'stopped' : state, ...(run?.status?.message !== undefined && { message: run.status.message }) };
}

function describe({ index, cell, run }: CellStatus, folder: string, task: CellTask | undefined, report: TaskReport | undefined): Omit<CellRow, 'state' | 'requeues'> {
  return {
    index,
    name: cell.name,
    values: cell.values,
    ...(task && { task: task.task, log: logFile(folder, task.task), ...(task.host !== undefined && { host: task.host }) }),
    ...(report?.node !== undefined && { node: report.node }),
    ...(run && { run: run.path, ...(run.status && { step: run.status.step, totalSteps: run.status.totalSteps }) }),
  };
}
