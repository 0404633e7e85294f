/** What a reader makes of what a run says and of its silence. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { isAlive } from './processes';
import { statusSchema, type RunState, type RunStatus } from './run-status';

/** Trainers beat at least every few seconds; clocks of a cluster's machines may differ by some. */
const HEARTBEAT_LIMIT_MS = 60_000;

/** From status.json and the heartbeat alone. A run whose status cannot be read is lost. */
export async function runState(runFolder: string): Promise<RunState> {
  return stateFrom(await findStatus(runFolder), runFolder);
}

/** {@link runState} where the status was read. */
export async function stateFrom(status: RunStatus | undefined, runFolder: string): Promise<RunState> {
  if (status === undefined) return 'lost';
  if (status.state !== 'running' && status.state !== 'paused') return status.state;
  switch (await isAlive(status)) {
    case 'alive':
      return status.state;
    case 'dead':
      return 'lost';
    case 'unknown':
      return (await beatsStill(path.join(runFolder, 'heartbeat'))) ? status.state : 'lost';
  }
}

/** status.json; undefined where it is absent or damaged. */
export async function findStatus(runFolder: string): Promise<RunStatus | undefined> {
  try {
    return statusSchema.parse(JSON.parse(await readFile(path.join(runFolder, 'status.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Whether the heartbeat file was touched lately: all that can be known of a process on another host. */
export async function beatsStill(heartbeatFile: string): Promise<boolean> {
  const beatAt = await modifiedAt(heartbeatFile);
  return beatAt !== undefined && Date.now() - beatAt <= HEARTBEAT_LIMIT_MS;
}

/** Time of the last change, ms since 1970; undefined where there is no file. */
export async function modifiedAt(file: string): Promise<number | undefined> {
  return stat(file).then(({ mtimeMs }) => mtimeMs, () => undefined);
}
