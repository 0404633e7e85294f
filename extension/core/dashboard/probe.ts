/** Probe results over checkpoints, layers and protocols; those of teacher and random student too. */
import type { LibraryRun } from '../library/library-run';
import type { DashboardState, ProbeData } from '../protocol/dashboard';
import { protocolsOf } from './probe-results';

/** Without a protocol, the points of all. In the order of the runs, then by step. */
export function probeData(selected: readonly LibraryRun[], { protocol }: DashboardState['probe']): ProbeData {
  const points = selected.flatMap((run) => {
    const wanted = run.evaluations.filter((result) => protocol === undefined || result.protocol === protocol);
    return wanted.toSorted((a, b) => a.step - b.step).map((result) => ({ run: run.key, ...result, epoch: epochOf(run, result.step) }));
  });
  return { view: 'probe', protocols: protocolsOf(selected), points };
}

/** Every epoch has as many steps. */
function epochOf({ status }: LibraryRun, step: number): number | undefined {
  return status !== undefined && status.totalSteps > 0 ? (step / status.totalSteps) * status.totalEpochs : undefined;
}
