import { describe, expect, it } from 'vitest';
import { launchOf } from '../../../extension/training/distributed/launcher';

describe('what a launcher leaves in the environment', () => {
  it('of mpirun: rank and size', () => {
    expect(launchOf({ OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '4' })).toEqual({ launcher: 'Open MPI', rank: 1, size: 4 });
    expect(launchOf({ PMI_RANK: '3', PMI_SIZE: '4' })).toEqual({ launcher: 'PMI', rank: 3, size: 4 });
  });

  it('of srun: whether it came with support for MPI', () => {
    const step = { SLURM_PROCID: '2', SLURM_STEP_NUM_TASKS: '8' };
    expect(launchOf(step)).toEqual({ launcher: 'srun', rank: 2, size: 8 });
    expect(launchOf({ ...step, PMIX_RANK: '2' })).toEqual({ launcher: 'PMIx', rank: 2, size: 8 });
    expect(launchOf({ ...step, PMI_RANK: '2', PMI_SIZE: '8' })).toEqual({ launcher: 'PMI', rank: 2, size: 8 });
  });

  it('of a batch script with several tasks: one process', () => {
    expect(launchOf({ SLURM_JOB_ID: '7', SLURM_NTASKS: '8', SLURM_PROCID: '0' })).toBeUndefined();
  });

  it('of a shell: nothing', () => {
    expect(launchOf({})).toBeUndefined();
    expect(launchOf({ OMPI_COMM_WORLD_RANK: '', OMPI_COMM_WORLD_SIZE: 'many' })).toBeUndefined();
  });
});
