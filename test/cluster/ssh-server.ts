/** A real SSH server on a free port with a key of its own, and an `ssh` that knows it as `mim-login`. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { programPath } from './obtain';
import { freePort } from './slurm-cluster';

export interface SshServer {
  /** While `work` lasts, `ssh mim-login` reaches the server. */
  use(work: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export async function startSshServer(slurmConf: string): Promise<SshServer> {
  const folder = await mkdtemp(join(tmpdir(), 'mim-ssh-'));
  const inside = (name: string): string => join(folder, name);
  const port = await freePort();
  for (const key of ['host', 'user']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', inside(key)]);
  execFileSync('cp', [inside('user.pub'), inside('authorized_keys')]);
  // Privilege separation wants this folder, which a service of the system would have made.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  writeFileSync(
    inside('sshd_config'),
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${inside('host')}\nAuthorizedKeysFile ${inside('authorized_keys')}\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nSetEnv SLURM_CONF=${slurmConf} PATH=${process.env.PATH}\n`,
  );
  writeFileSync(
    inside('config'),
    `Host mim-login\n  HostName 127.0.0.1\n  Port ${port}\n  User ${userInfo().username}\n  IdentityFile ${inside('user')}\n  IdentitiesOnly yes\n  UserKnownHostsFile ${inside('known')}\n  StrictHostKeyChecking accept-new\n  ControlPath ${inside('%C')}\n`,
  );
  mkdirSync(inside('bin'));
  writeFileSync(inside('bin/ssh'), `#!/bin/sh\nexec ${programPath('ssh')} -F ${inside('config')} "$@"\n`);
  chmodSync(inside('bin/ssh'), 0o755);
  const daemon = spawn(programPath('sshd')!, ['-D', '-e', '-f', inside('sshd_config')], { stdio: 'ignore' });
  await listening(port);
  return {
    async use(work) {
      const before = process.env.PATH;
      process.env.PATH = `${inside('bin')}:${before}`;
      try {
        await work();
      } finally {
        process.env.PATH = before;
      }
    },
    async stop() {
      daemon.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.unref();
    });
    if (open) return;
    if (attempt === 100) throw new Error(`sshd does not listen on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
