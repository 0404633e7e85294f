/**
 * What Slurm says of a task, what its script wrote down, and what the run says of itself → one honest state of the cell.
 *
 * The run directory is believed first: a run that says `finished` is done whatever became of its job. Slurm forgets a job some
 * minutes after its end (`MinJobAge`), and a site may keep no accounts; then the script's and the cell's own records tell.
 */
import type { RunState } from '../../runs/run-status';
import type { TaskReport } from './commands';
import type { HistoryEvent } from './submission';

export type CellState =
  | 'not submitted'
  | 'pending'
  | 'held'
  | 'running'
  | 'suspended'
  | 'completing'
  | 'preempted'
  | 'requeued'
  | 'done'
  | 'stopped'
  | 'failed'
  | 'timeout'
  | 'out of memory'
  | 'node failed'
  | 'cancelled'
  | 'lost';

/** A state in which Slurm will do something for the cell without being asked. */
export function isAtWork(state: CellState): boolean {
  return ['pending', 'held', 'running', 'suspended', 'completing', 'preempted', 'requeued'].includes(state);
}

export interface CellFacts {
  /** The newest task of the cell; undefined where none was submitted. */
  readonly task?: string;
  /** What Slurm says of that task; undefined where it says nothing any more. */
  readonly report?: TaskReport;
  /** Slurm could not be asked. */
  readonly unknown?: boolean;
  readonly history: readonly HistoryEvent[];
  readonly run: { readonly state: RunState | 'missing'; readonly message?: string };
  /** The cell's own record of its last exit. */
  readonly exit?: { readonly code: number; readonly at: string; readonly message?: string };
}

export interface CellView {
  readonly state: CellState;
  /** Starts after the first. */
  readonly requeues: number;
  /** Why, in words of Slurm or of the run. */
  readonly reason?: string;
}

export function cellState(facts: CellFacts): CellView {
  const requeues = Math.max(0, facts.history.filter(({ event }) => event === 'start').length - 1);
  const { state, reason } = stateOf(facts);
  return { state, requeues, ...(reason !== undefined && { reason }) };
}

type Told = Pick<CellView, 'state' | 'reason'>;

function stateOf(facts: CellFacts): Told {
  const { task, report, run } = facts;
  if (run.state === 'finished') return { state: 'done' };
  if (task === undefined) return { state: run.state === 'running' || run.state === 'paused' ? 'running' : 'not submitted' };
  if (report !== undefined) return reported(report, facts);
  return unreported(facts);
}

/** @see https://slurm.schedmd.com/squeue.html, section JOB STATE CODES */
function reported({ state, reason }: TaskReport, facts: CellFacts): Told {
  switch (state) {
    case 'PENDING':
    case 'CONFIGURING':
      return pending(reason, facts);
    case 'REQUEUED':
    case 'REQUEUE_FED':
      return { state: 'requeued', reason };
    case 'REQUEUE_HOLD':
    case 'SPECIAL_EXIT':
    case 'RESV_DEL_HOLD':
      return { state: 'held', reason: reason ?? state };
    case 'RUNNING':
    case 'SIGNALING':
    case 'STAGE_OUT':
    case 'RESIZING':
      return { state: 'running' };
    case 'COMPLETING':
      return { state: 'completing' };
    case 'SUSPENDED':
    case 'STOPPED':
      return { state: 'suspended', reason };
    default:
      return ended(state, reason, facts);
  }
}

function pending(reason: string | undefined, { task, history }: CellFacts): Told {
  if (reason !== undefined && /held/i.test(reason)) return { state: 'held', reason };
  const again = history.some((event) => (event.task === task && event.event === 'start') || (event.event === 'resubmitted' && `${event.as}_` === task?.replace(/\d+$/, '')));
  return { state: again ? 'requeued' : 'pending', reason };
}

/** The task is over in Slurm's eyes, and the run is not finished. */
function ended(state: string, reason: string | undefined, facts: CellFacts): Told {
  const why = facts.run.state === 'failed' ? facts.run.message : (messageOf(facts) ?? reason);
  switch (state) {
    case 'TIMEOUT':
    case 'DEADLINE':
      return { state: 'timeout', reason: 'the time limit came before a checkpoint was saved; the last one stands' };
    case 'OUT_OF_MEMORY':
      return { state: 'out of memory', reason: 'give the cell more with launcher.memory' };
    case 'NODE_FAIL':
    case 'BOOT_FAIL':
      return { state: 'node failed', reason };
    case 'CANCELLED':
    case 'REVOKED':
      return { state: 'cancelled', reason };
    case 'PREEMPTED':
      return { state: 'preempted', reason: 'and not queued again' };
    default:
      if (facts.run.state === 'stopped') return { state: 'stopped', reason: why };
      return { state: state === 'COMPLETED' ? 'lost' : 'failed', reason: why };
  }
}

/** Slurm has forgotten the task, or cannot be asked. */
function unreported(facts: CellFacts): Told {
  const { task, history, run, unknown } = facts;
  const own = history.filter((event) => event.task === task);
  const last = own.at(-1);
  if (own.some(({ event }) => event === 'cancelled')) return { state: 'cancelled' };
  if (run.state === 'running' || run.state === 'paused') return { state: 'running' };
  if (unknown === true && last?.event !== 'end') return { state: last === undefined ? 'pending' : last.event === 'requeued' ? 'requeued' : 'lost', reason: 'Slurm could not be asked' };
  if (run.state === 'failed') return { state: 'failed', reason: run.message };
  if (run.state === 'stopped') return { state: 'stopped' };
  if (last?.event === 'end') return { state: 'failed', reason: messageOf(facts) ?? `exit code ${last.code}` };
  return { state: 'lost', reason: last === undefined ? 'Slurm does not know its task, which never started' : 'its task ended without a word' };
}

/** Of the end of the newest task: the cell's own word, or its script's. */
function messageOf({ task, history, exit }: CellFacts): string | undefined {
  const own = history.filter((event) => event.task === task);
  const startedAt = own.filter(({ event }) => event === 'start').at(-1)?.at;
  // The script's clock counts whole seconds.
  if (exit?.message !== undefined && (startedAt === undefined || Date.parse(exit.at) >= Date.parse(startedAt))) return exit.message;
  return own.at(-1)?.message;
}
