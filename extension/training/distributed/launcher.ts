/** Whether this process was started as one of several, by what the launcher left in its environment. */

export type RankLauncher = 'Open MPI' | 'PMI' | 'PMIx' | 'srun';

export interface Launch {
  readonly launcher: RankLauncher;
  /** Of this process, from 0. */
  readonly rank: number;
  /** Processes started together. */
  readonly size: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Undefined where no launcher is seen. A launcher that started one process gives a launch of size 1.
 *
 * `srun` is a step of Slurm without MPI support (`--mpi=none`). A batch script has SLURM_NTASKS and SLURM_PROCID as well though it
 * is one process, so what counts is SLURM_STEP_NUM_TASKS, which only steps have.
 */
export function launchOf(environment: Environment): Launch | undefined {
  const number = (name: string): number | undefined => (/^\d+$/.test(environment[name] ?? '') ? Number(environment[name]) : undefined);
  const candidates: readonly (readonly [RankLauncher, rank: number | undefined, size: number | undefined])[] = [
    ['Open MPI', number('OMPI_COMM_WORLD_RANK'), number('OMPI_COMM_WORLD_SIZE')],
    ['PMI', number('PMI_RANK'), number('PMI_SIZE')],
    ['PMIx', number('PMIX_RANK'), number('SLURM_STEP_NUM_TASKS')],
    ['srun', number('SLURM_PROCID'), number('SLURM_STEP_NUM_TASKS')],
  ];
  for (const [launcher, rank, size] of candidates) {
    if (rank !== undefined && size !== undefined && size > 0) return { launcher, rank, size };
  }
  return undefined;
}
