/**
 * Signals of the shell and of schedulers. The first SIGINT, SIGTERM or SIGUSR1 (Slurm's `--signal=USR1@60`) asks the
 * trainer for a checkpoint; a second SIGINT leaves at once.
 */
import type { StopSignal } from '../training/stop-signal';
import { exitCodes } from './exit-codes';
import type { Terminal } from './terminal';

export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  removeListener(signal: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
}

/** Returns what takes the handlers off again. */
export function stopOnSignals(stop: StopSignal, terminal: Terminal, source: SignalSource = process): () => void {
  let interrupts = 0;
  const request = (signal: NodeJS.Signals): void => {
    if (!stop.requested) terminal.note(`${signal}: stopping after this step and saving a checkpoint …`);
    stop.request(signal);
  };
  const listeners: [NodeJS.Signals, () => void][] = [
    [
      'SIGINT',
      () => {
        interrupts++;
        if (interrupts > 1) {
          terminal.note('Left at once. The run stands at its last checkpoint; `mim resume` goes on from there.');
          source.exit(exitCodes.interrupted);
          return;
        }
        request('SIGINT');
        terminal.note('Ctrl-C once more leaves at once, without a checkpoint.');
      },
    ],
    ['SIGTERM', () => request('SIGTERM')],
    ['SIGUSR1', () => request('SIGUSR1')],
  ];
  for (const [signal, listener] of listeners) source.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) source.removeListener(signal, listener);
  };
}
