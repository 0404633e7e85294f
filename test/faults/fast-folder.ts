/** A temporary folder in memory where the system has one: the faults tested here do not depend on the disk, only their time does. */
import { access, constants, mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

export async function fastFolder(prefix: string): Promise<string> {
  const memory = '/dev/shm';
  const usable = await access(memory, constants.W_OK).then(() => process.platform === 'linux', () => false);
  return mkdtemp(path.join(usable ? memory : os.tmpdir(), prefix));
}
