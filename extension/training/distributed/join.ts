/** How a process becomes a rank: MPI is found, started, and must agree with the launcher about how many there are. */
import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { UserError } from '../../core/problems';
import { launchOf, type Launch } from './launcher';
import { loadMpi } from './mpi-library';
import { Ranks, type Member } from './ranks';

/**
 * The ranks that this process is one of; undefined where it trains alone.
 *
 * @param choice true: start MPI whatever the environment says; false: train alone; undefined: as the launcher started it
 * @throws UserError MIM8101 where libmpi is missing; MIM8102 where several processes were started that MPI does not join: never do
 *   they train one by one and write over each other
 */
export async function joinRanks(choice: boolean | undefined, environment: NodeJS.ProcessEnv = process.env): Promise<Ranks | undefined> {
  const launch = launchOf(environment);
  const several = launch !== undefined && launch.size > 1;
  if (choice === false || (choice === undefined && !several)) return undefined;
  if (several && launch.launcher === 'srun') throw notJoined(launch, 'Slurm started them without support for MPI');
  const mpi = await loadMpi(launch?.launcher, environment);
  mpi.init();
  const size = mpi.size();
  // A library of another kind than the launcher starts each process as the only one.
  if (several && size !== launch.size) throw notJoined(launch, `${mpi.version()} (${mpi.file}) sees ${size}`);
  if (size === 1) {
    mpi.finalize();
    return undefined;
  }
  const ranks = new Ranks(mpi, thisMember());
  // However this process ends, the others must not wait for it.
  process.on('exit', (code) => ranks.abort(code === 0 ? 1 : code));
  return ranks;
}

function notJoined({ size, launcher }: Launch, fault: string): UserError {
  const how = launcher === 'srun' || launcher === 'PMIx' ? 'Start them with `srun --mpi=pmix` or `srun --mpi=pmi2`, as the cluster’s MPI needs (`srun --mpi=list` shows what there is)' : 'Start them with the `mpirun` of the same MPI, or name its libmpi in MIM_MPI_LIBRARY';
  return new UserError('MIM8102', `${size} processes were started together, but MPI does not join them: ${fault}.`, `${how}. To start processes that know nothing of each other, say --no-mpi.`);
}

function thisMember(): Member {
  return { host: hostname(), pid: process.pid, processors: allowedProcessors(), cores: availableParallelism() };
}

/** Empty where the system does not say (elsewhere than on Linux): all processes of a host then share all of it. */
function allowedProcessors(): string {
  try {
    return /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}
