/** One training as one process, or as the ranks that `mpirun` or `srun` started. */
import type { End } from '../training/distributed/follow';
import type { Ranks } from '../training/distributed/ranks';
import type { TrainingEvents, TrainingOutcome } from '../training/events';
import { StopSignal } from '../training/stop-signal';
import { exitCodes } from './exit-codes';
import { stopOnSignals } from './stop-on-signals';
import type { Terminal } from './terminal';
import { train } from './train';

type Start = (events: TrainingEvents, signal: StopSignal, ranks: Ranks | undefined) => Promise<TrainingOutcome>;

/** @returns the exit code, which is the same on every rank */
export async function trainOnRanks(terminal: Terminal, options: { readonly json?: boolean; readonly mpi?: boolean }, start: Start): Promise<number> {
  const { joinRanks } = await import('../training/distributed/join');
  const ranks = await joinRanks(options.mpi);
  const exitCode = ranks && !ranks.leads ? await followQuietly(terminal, ranks) : await lead(terminal, options, start, ranks);
  ranks?.leave();
  return exitCode;
}

function lead(terminal: Terminal, options: { readonly json?: boolean }, start: Start, ranks: Ranks | undefined): Promise<number> {
  return train(terminal, options, async (events, signal) => {
    const outcome = await start(events, signal, ranks);
    await ranks?.word<End>({ state: outcome.state });
    return outcome;
  });
}

/** Rank 0 speaks for all; only what it cannot know is said here. */
async function followQuietly(terminal: Terminal, ranks: Ranks): Promise<number> {
  const signal = new StopSignal();
  terminal.onReaderGone(() => signal.request('nobody reads the output any more'));
  const ignoreSignals = stopOnSignals(signal, { ...terminal, note: () => undefined });
  try {
    const { follow } = await import('../training/distributed/follow');
    const { state } = await follow(ranks, { signal, onMessage: (line) => terminal.note(`rank ${ranks.rank}: ${line}`) });
    return state === 'stopped' ? exitCodes.stopped : exitCodes.done;
  } finally {
    ignoreSignals();
  }
}
