/** What lies in a folder, for someone who types a path. */
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

/** A folder of a million images is not listed to its end. */
const MAX_ENTRIES = 2000;

/** Links are followed. Empty where the folder cannot be read. */
export async function listFolder(folder: string): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  try {
    for await (const entry of await opendir(folder)) {
      const isFolder = entry.isSymbolicLink() ? await leadsToFolder(join(folder, entry.name)) : entry.isDirectory();
      entries.push({ name: entry.name, isFolder });
      if (entries.length === MAX_ENTRIES) break;
    }
  } catch {
    // Not there, not a folder, or not for us to read: nothing is suggested.
  }
  return entries;
}

async function leadsToFolder(link: string): Promise<boolean> {
  return stat(link).then((target) => target.isDirectory(), () => false);
}
