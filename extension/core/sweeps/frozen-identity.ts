import { readFile } from 'node:fs/promises';
import { parseResolved } from '../config/freeze';
import { experimentIdentity } from '../config/sweep';

/** What a frozen experiment trains, see {@link experimentIdentity}; undefined where the file is absent or damaged. */
export async function frozenIdentity(file: string): Promise<string | undefined> {
  try {
    return experimentIdentity(parseResolved(await readFile(file, 'utf8'), file));
  } catch {
    return undefined;
  }
}
