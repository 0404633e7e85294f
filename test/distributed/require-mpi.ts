/** Open MPI must be there; as root on Debian it is installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const packages = ['openmpi-bin', 'libopenmpi3'];

function hasMpirun(): boolean {
  return spawnSync('mpirun', ['--version']).status === 0;
}

export default function requireMpi(): void {
  if (hasMpirun()) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !existsSync('/etc/debian_version')) throw new Error(`These tests need Open MPI: apt-get install ${packages.join(' ')} (or the packages of that name of your system), with mpirun on the PATH.`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env: environment });
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { stdio: 'inherit', env: environment });
  if (!hasMpirun()) throw new Error(`${packages.join(' ')} are installed, but mpirun does not start.`);
}
