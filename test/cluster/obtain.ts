/** Slurm and an SSH server from Debian's packages. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const PACKAGES = ['slurmctld', 'slurmd', 'slurm-client', 'openssh-server', 'openssh-client'];
const PROGRAMS = ['slurmctld', 'slurmd', 'sbatch', 'squeue', 'scontrol', 'scancel', 'sshd', 'ssh', 'ssh-keygen'];

/** Daemons are not on every user's path. */
export const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;

export function programPath(name: string): string | undefined {
  return PATH.split(':').map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

/** Installs what is missing where this is root on a Debian; otherwise fails with what to do. The tests are never passed over. */
export function ensureSlurm(): void {
  if (missing().length === 0) return;
  if (process.getuid?.() === 0 && programPath('apt-get') !== undefined) install();
  const still = missing();
  if (still.length > 0) throw new Error(`The tests of the cluster need a real Slurm, and there is no ${still.join(', ')}. On Debian or Ubuntu, as root: apt-get install --no-install-recommends ${PACKAGES.join(' ')}`);
}

function missing(): string[] {
  return PROGRAMS.filter((name) => programPath(name) === undefined);
}

function install(): void {
  const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
  try {
    // The packages' own services are no business of the tests: without an /etc/slurm/slurm.conf they do not start.
    execFileSync('apt-get', ['update', '-qq'], options);
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES], options);
  } catch {
    // What is missing then is told.
  }
}
