/** Where this user's cache of this product lies: what is there can be made or fetched again. */
import { homedir } from 'node:os';
import path from 'node:path';

export type Variables = Readonly<Record<string, string | undefined>>;

/** `$XDG_CACHE_HOME/mim/NAME`, by default under ~/.cache. */
export function cacheFolder(name: string, variables: Variables = process.env): string {
  const cache = variables['XDG_CACHE_HOME'];
  return path.join(cache !== undefined && path.isAbsolute(cache) ? cache : path.join(homedir(), '.cache'), 'mim', name);
}
