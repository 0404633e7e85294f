/** Who runs the cells of a sweep, other than this process. */
import type { LauncherConfig } from '../config/schema';
import type { SlurmLauncher } from './slurm/options';

export type LauncherKind = 'here' | 'queue' | 'slurm';

/** What was handed over. */
export interface Submission {
  /** The launcher's own names of its jobs. */
  readonly jobs: readonly string[];
  /** Indexes of the cells they run. */
  readonly cells: readonly number[];
  /** Cells that were to do and are at work there already. */
  readonly already: readonly number[];
}

/** One sweep with one launcher. A cell is submitted once however often it is asked for. */
export interface Launcher {
  /** @throws UserError where the launcher cannot be reached or refuses. */
  submit(cells: readonly number[]): Promise<Submission>;
}

export function launcherKind(launcher: LauncherConfig): LauncherKind {
  return typeof launcher === 'string' ? launcher : launcher.kind;
}

/** `launcher: slurm` is short for `{ kind: slurm }`. */
export function slurmLauncher(launcher: LauncherConfig): SlurmLauncher {
  return typeof launcher === 'string' ? { kind: 'slurm' } : launcher;
}
