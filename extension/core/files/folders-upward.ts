/** Looking for what lies in a folder or in one above it. */
import path from 'node:path';

/** `start`, made absolute, and every folder above it, the nearest first. */
export function* foldersUpward(start: string): Generator<string> {
  for (let folder = path.resolve(start); ; folder = path.dirname(folder)) {
    yield folder;
    if (path.dirname(folder) === folder) return;
  }
}
