/** Probe results over checkpoints, layers and protocols; those of teacher and random student too. */
import type { LibraryRun } from '../library/library-run';
import type { DashboardState, ProbeData } from '../protocol/dashboard';
import { protocolsOf } from './probe-results';

/**
 * Without a protocol, the points of all. In the order of the runs, then by step.
 * @param costOf GMAC of an optimizer step of a run, of the batch and with the teacher
 */
export async function probeData(selected: readonly LibraryRun[], { protocol }: DashboardState['probe'], costOf: (run: LibraryRun) => Promise<number | undefined>): Promise<ProbeData> {
  const costs = new Map(await Promise.all(selected.map(async (run) => [run.key, await costOf(run)] as const)));
  const points = selected.flatMap((run) => {
    const cost = costs.get(run.key);
    const wanted = run.evaluations.filter((result) => protocol === undefined || result.protocol === protocol);
    return wanted.toSorted((a, b) => a.step - b.step).map((result) => ({ run: run.key, ...result, epoch: epochOf(run, result.step), ...(cost !== undefined && { gmac: cost * result.step }) }));
  });
  return { view: 'probe', protocols: protocolsOf(selected), points };
}

/** Every epoch has as many steps. */
function epochOf({ status }: LibraryRun, step: number): number | undefined {
  return status !== undefined && status.totalSteps > 0 ? (step / status.totalSteps) * status.totalEpochs : undefined;
}
