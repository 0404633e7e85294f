/** One training as one process, or as the ranks that `mpirun` or `srun` started. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../core/problems';
import type { End } from '../training/distributed/follow';
import { launchOf } from '../training/distributed/launcher';
import type { Ranks } from '../training/distributed/ranks';
import type { TrainingEvents, TrainingOutcome } from '../training/events';
import { StopSignal } from '../training/stop-signal';
import { exitCodes } from './exit-codes';
import { stopOnSignals } from './stop-on-signals';
import type { Terminal } from './terminal';
import { train } from './train';

type Start = (events: TrainingEvents, signal: StopSignal, ranks: Ranks | undefined) => Promise<TrainingOutcome>;

/** The launcher ends all ranks as soon as one exits with another code than 0, so rank 0, whose code may be, goes last. */
const LAST_TO_LEAVE_MS = 1_000;

/** @returns the exit code: rank 0's is that of the training, the others' 0 where nothing failed */
export async function trainOnRanks(terminal: Terminal, options: { readonly json?: boolean; readonly mpi?: boolean }, start: Start): Promise<number> {
  const { joinRanks } = await import('../training/distributed/join');
  const ranks = await joinRanks(options.mpi);
  if (ranks && !ranks.leads) {
    await followQuietly(terminal, ranks);
    ranks.leave();
    return exitCodes.done;
  }
  const exitCode = await lead(terminal, options, start, ranks);
  ranks?.leave();
  if (ranks && exitCode !== exitCodes.done) await sleep(LAST_TO_LEAVE_MS);
  return exitCode;
}

/** For commands that several processes cannot share. @throws UserError MIM8105 */
export function requireOneProcess(command: string): void {
  const launch = launchOf(process.env);
  if (launch === undefined || launch.size === 1) return;
  throw new UserError('MIM8105', `${launch.size} processes were started together; \`mim ${command}\` is one.`, 'Start it without mpirun or srun -n. Ranks share one run: `mim pretrain`, `mim resume`.', exitCodes.usage);
}

function lead(terminal: Terminal, options: { readonly json?: boolean }, start: Start, ranks: Ranks | undefined): Promise<number> {
  return train(terminal, options, async (events, signal) => {
    const outcome = await start(events, signal, ranks);
    await ranks?.word<End>({ state: outcome.state });
    return outcome;
  });
}

/** Rank 0 speaks for all; only what it cannot know is said here. */
async function followQuietly(terminal: Terminal, ranks: Ranks): Promise<void> {
  const signal = new StopSignal();
  terminal.onReaderGone(() => signal.request('nobody reads the output any more'));
  const ignoreSignals = stopOnSignals(signal, { ...terminal, note: () => undefined });
  try {
    const { follow } = await import('../training/distributed/follow');
    await follow(ranks, { signal, onMessage: (line) => terminal.note(`rank ${ranks.rank}: ${line}`) });
  } finally {
    ignoreSignals();
  }
}
