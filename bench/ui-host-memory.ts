/** Resident memory of the extension hosts that a VS Code server started (Linux). */
import { readdir, readFile } from 'node:fs/promises';

/** @returns MiB of the youngest extension host: that of the window opened last. */
export async function hostMemory(server: number): Promise<number> {
  const processes = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(describe));
  const hosts = processes.filter((found) => found !== undefined).filter(({ group, command }) => group === server && command.includes('--type=extensionHost'));
  const youngest = hosts.toSorted((a, b) => b.startedAt - a.startedAt)[0];
  if (youngest === undefined) throw new Error('There is no extension host.');
  return youngest.residentPages / 256;
}

interface Found {
  readonly group: number;
  readonly command: string;
  /** In clock ticks since the machine started. */
  readonly startedAt: number;
  /** Of 4 KiB. */
  readonly residentPages: number;
}

/** Undefined where the process has ended. */
async function describe(pid: string): Promise<Found | undefined> {
  try {
    const [stat, command] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/cmdline`, 'utf8')]);
    // The name in brackets may hold anything; what follows begins with field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
    return { command, group: fields[2]!, startedAt: fields[19]!, residentPages: fields[21]! };
  } catch {
    return undefined;
  }
}
