/** The queue of this user and machine, and its supervision under the eyes of the command line. */
import type { JobCommand } from '../core/jobs/launch-job';
import { Queue } from '../core/queue/queue';
import { queueFolder, QueueFiles, type Limits } from '../core/queue/queue-files';
import { supervise } from '../core/queue/supervisor';
import type { Cli } from './command';

/** This program itself. */
const command = (): JobCommand => ({ executable: process.execPath, args: [...process.execArgv, process.argv[1]!] });

export function queueHere(): Queue {
  return new Queue(queueFolder(), command());
}

/** @throws UserError MIM7431 */
export async function runQueue({ terminal }: Cli, { stay, limits }: { readonly stay?: boolean; readonly limits: Limits }): Promise<void> {
  const files = new QueueFiles(queueFolder());
  const end = new AbortController();
  const onSignal = (): void => {
    terminal.note('The supervision ends; jobs at work go on.');
    end.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  try {
    await supervise({ files, command: command(), stay, limits, signal: end.signal, onMessage: (line) => terminal.out(`${new Date().toISOString()} ${line}`) });
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, onSignal);
  }
}
