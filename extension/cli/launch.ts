/** The cells of a frozen sweep → the launcher that its experiment names. */
import { launcherKind, slurmLauncher } from '../core/launchers/launcher';
import type { LauncherConfig } from '../core/config/schema';
import type { SweepRecord } from '../core/sweeps/record';
import type { Terminal } from './terminal';

export interface LaunchRequest {
  readonly launcher: LauncherConfig;
  readonly sweep: SweepRecord;
  /** The runs folder, absolute. */
  readonly runs: string;
  /** Indexes of the cells that are to do. */
  readonly cells: readonly number[];
  /** Run failed cells anew. */
  readonly retry?: boolean;
  /** Return when all cells are at their end. */
  readonly wait?: boolean;
  readonly json?: boolean;
}

/** Hands the cells over and says how to watch them. @returns the exit code */
export async function launch(terminal: Terminal, request: LaunchRequest): Promise<number> {
  switch (launcherKind(request.launcher)) {
    case 'here':
      throw new Error('the launcher here needs no launching');
    case 'queue': {
      const { launchOnQueue } = await import('./queue-launch');
      return launchOnQueue(terminal, request);
    }
    case 'slurm': {
      const { launchOnSlurm } = await import('./slurm/launch');
      return launchOnSlurm(terminal, request, slurmLauncher(request.launcher));
    }
  }
}
