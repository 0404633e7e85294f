/** By what a set of images is known again: how many, and a hash over names and labels. Pixels are not read. */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { DataConfig } from '../../core/config/schema';
import type { ImageSource } from './source';

export interface DataIdentity {
  readonly images: number;
  /** SHA-256 (hex) over class names, and the name and label of every image in order; the same wherever the data lie. */
  readonly fingerprint: string;
}

/** Names hashed at once: one call an image would cost more than the hashing. */
const CHUNK = 4096;

/** @param config whose paths are left out of the names */
export function identityOf(source: ImageSource, { path, test_path }: DataConfig): DataIdentity {
  const roots = [test_path, path].filter((root) => root !== undefined).flatMap((root) => [root, dirname(root)]).filter((root) => root !== dirname(root));
  const hash = createHash('sha256').update(JSON.stringify(source.classNames));
  for (let start = 0; start < source.length; start += CHUNK) {
    let lines = '';
    for (let index = start; index < Math.min(start + CHUNK, source.length); index++) lines += `${source.name(index)}\t${source.label(index)}\n`;
    // One pass a chunk for every root; names that begin with none of them stay.
    for (const root of roots) lines = lines.replaceAll(root, '');
    hash.update(lines);
  }
  return { images: source.length, fingerprint: hash.digest('hex') };
}
