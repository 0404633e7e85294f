/** What this machine has for jobs, within the limits that were set. */
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { findGpus } from './find-gpus';
import type { Limits } from './queue-files';
import type { Machine } from './schedule';

const GIB = 2 ** 30;
/** Left to the system and to whoever works at the machine. */
const SHARE_OF_MEMORY = 0.9;

export async function measureMachine(limits: Limits): Promise<Machine> {
  const gpus = limits.gpus ?? (await findGpus());
  const free = freeMemory();
  return {
    threads: limits.threads ?? os.availableParallelism(),
    gpus: Array.from({ length: gpus }, (_, index) => index),
    memory: limits.memory ?? (SHARE_OF_MEMORY * totalMemory()) / GIB,
    ...(free === undefined ? {} : { memoryFree: free / GIB }),
  };
}

/** GiB of RAM that a process of this machine takes; undefined where the system does not tell. */
export async function residentMemory(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  const found = /^VmRSS:\s+(\d+) kB/m.exec(status);
  return found === null ? undefined : (Number(found[1]) * 1024) / GIB;
}

/** Within the container, where there is one. */
function totalMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained === undefined || constrained === 0 ? os.totalmem() : Math.min(constrained, os.totalmem());
}

/** macOS counts what it could give up at any time as taken. */
function freeMemory(): number | undefined {
  if (process.platform === 'darwin') return undefined;
  return typeof process.availableMemory === 'function' ? process.availableMemory() : os.freemem();
}
