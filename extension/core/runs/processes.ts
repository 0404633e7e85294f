/** Which process is meant: a process id alone is reused, with the host and the start time it is not. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { promisify } from 'node:util';
import { errorCode } from '../files/durable-files';

export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Opaque text that two processes of the same id do not share; empty where the system does not tell. */
  readonly processStart: string;
}

/** The start of a process that has ended and whose parent has not asked yet. */
const ENDED = 'ended';

export function thisProcess(): Promise<ProcessIdentity> {
  return identify(process.pid);
}

/** A process of this host, as it is now. */
export async function identify(pid: number): Promise<ProcessIdentity> {
  return { pid, host: os.hostname(), processStart: await processStart(pid) };
}

/** `unknown`: on another host, where only a heartbeat can tell. */
export async function isAlive(identity: ProcessIdentity): Promise<'alive' | 'dead' | 'unknown'> {
  if (identity.host !== os.hostname()) return 'unknown';
  if (!exists(identity.pid)) return 'dead';
  const start = await processStart(identity.pid);
  if (start === ENDED) return 'dead';
  return start === '' || identity.processStart === '' || start === identity.processStart ? 'alive' : 'dead';
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Someone else's process is a process.
    return errorCode(error) === 'EPERM';
  }
}

async function processStart(pid: number): Promise<string> {
  switch (process.platform) {
    case 'linux':
      return linuxProcessStart(pid);
    case 'darwin':
      return promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], { timeout: 5000 }).then(({ stdout }) => stdout.trim(), () => '');
    default:
      return '';
  }
}

/** Boot id and the start in ticks since boot. Empty for a process that has ended. */
async function linuxProcessStart(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1');
    // The command's name, in parentheses, may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie keeps its id until its parent asks; it writes nothing any more.
    return fields[0] === 'Z' ? ENDED : `${boot.trim()}:${fields[19]}`;
  } catch {
    return '';
  }
}
