/** Cancel, hold, release, requeue: what a user may ask of cells that Slurm has. */
import { UserError } from '../../problems';
import { cancelArguments, controlArguments, type Control } from './commands';
import type { CellRow } from './status';
import { isAtWork } from './states';
import { markCancelled } from './submission';
import { lastLine, transportTo, type Transport } from './transport';

/** A task that was requeued a moment ago is for a while neither queued nor running, and refuses. */
const TRIES = 4;
const PAUSE_MS = 1_500;

export type Request = Control | 'cancel';

/** In which states there is something to ask for. */
export function concerned(rows: readonly CellRow[], what: Request): CellRow[] {
  switch (what) {
    case 'cancel':
      return rows.filter(({ state }) => isAtWork(state));
    case 'hold':
      return rows.filter(({ state }) => state === 'pending' || state === 'requeued');
    case 'release':
      return rows.filter(({ state }) => state === 'held');
    case 'requeue':
      return rows.filter(({ state }) => state === 'running' || state === 'suspended');
  }
}

/**
 * Asks Slurm, cluster by cluster. A task is always named `array_index`: by its own job id the last task of an array would
 * stand for the whole array.
 *
 * @param rows those of {@link concerned}
 * @param folder of the sweep's records
 * @throws UserError MIM7470 where Slurm refuses; MIM7461, MIM7463–MIM7465
 */
export async function control(what: Request, rows: readonly CellRow[], folder: string, to: (host: string | undefined) => Transport = transportTo): Promise<void> {
  for (const host of new Set(rows.map((row) => row.host))) {
    const here = rows.filter((row) => row.host === host && row.task !== undefined);
    const tasks = here.map(({ task }) => task!);
    if (what === 'cancel') await Promise.all(here.map(({ index, task }) => markCancelled(folder, index, task!)));
    await insist(what === 'cancel' ? cancelArguments(tasks) : controlArguments(what, tasks), to(host));
  }
}

async function insist(argv: readonly string[], { run }: Transport): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { code, stderr } = await run(argv);
    if (code === 0) return;
    if (attempt === TRIES) throw new UserError('MIM7470', `Slurm refuses: ${lastLine(stderr) ?? `${argv[0]} ended with ${code}`}`, 'The state may have changed a moment ago: `mim slurm status` tells.');
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
