/** Removes what has ended from the queue, after asking. */
import { createInterface } from 'node:readline/promises';
import type { Queue } from '../core/queue/queue';
import { UserError } from '../core/problems';
import type { Cli } from './command';
import { exitCodes } from './exit-codes';

/** @throws UserError MIM7435 where nobody can be asked */
export async function clearQueue({ terminal }: Cli, queue: Queue, yes: boolean): Promise<void> {
  const entries = await queue.clearable();
  if (entries.length === 0) {
    terminal.out('Nothing to clear.');
    return;
  }
  const what = `${entries.length} ${entries.length === 1 ? 'entry' : 'entries'} (${entries.map(({ id }) => id).join(', ')})`;
  if (!yes && !(await confirmed(`Remove ${what} with the logs? Runs stay. [y/N] `))) {
    terminal.out('Nothing was removed.');
    return;
  }
  await queue.clear(entries);
  terminal.out(`Removed ${what}.`);
}

async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UserError('MIM7435', 'Clearing the queue removes the logs of what has ended, and nobody is here to be asked.', 'Add --yes.', exitCodes.usage);
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await reader.question(question)).trim());
  } finally {
    reader.close();
  }
}
