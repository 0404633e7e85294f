/** `mim` as the ranks of one MPI job. */
import { readdirSync, readFileSync } from 'node:fs';
import { startMim, type RunningMim } from '../unit/cli/built-mim';

/** Also as root, and more ranks than cores: what is tested is what they compute, not how fast. */
const allowances = ['--allow-run-as-root', '--oversubscribe'];

export function startRanks(count: number, args: readonly string[], environment: Readonly<Record<string, string>> = {}): RunningMim {
  return startMim(args, environment, ['mpirun', ...allowances, '-n', String(count)]);
}

/** The process of one rank of a running job. */
export function pidOfRank(job: RunningMim, rank: number): number {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isRank(Number(name), job.process.pid!, rank));
  if (children.length !== 1) throw new Error(`${children.length} processes of the job are rank ${rank}`);
  return Number(children[0]);
}

/** A process that ended and was not yet asked for its exit code counts as gone. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function isRank(pid: number, parent: number, rank: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return status.includes(`\nPPid:\t${parent}\n`) && environment.includes(`OMPI_COMM_WORLD_RANK=${rank}`);
  } catch {
    return false;
  }
}
