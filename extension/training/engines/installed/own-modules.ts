/**
 * Loads files of an installed engine so that they compute for the copy of TensorFlow.js that is used here.
 *
 * Such a package brings a copy of its own. Loaded, that copy would register its backends and gradients over those of this
 * process, for TensorFlow.js keeps them in one place whatever the number of copies. So the files are handed the copy of
 * this program instead, through the cache of modules.
 */
import Module, { createRequire } from 'node:module';
import path from 'node:path';

/** Whatever the files of `folder` load under the name `asked` while `work` runs is tfjs-core as this program has it. */
export function withOwnTfjs<T>(folder: string, asked: string, work: (load: NodeJS.Require) => T): T {
  const load = createRequire(path.join(folder, 'package.json'));
  const place = load.resolve(asked);
  const former = load.cache[place];
  const standIn = new Module(place);
  standIn.exports = createRequire(import.meta.url)('@tensorflow/tfjs-core') as unknown;
  standIn.loaded = true;
  load.cache[place] = standIn;
  try {
    return work(load);
  } finally {
    if (former) load.cache[place] = former;
    else delete load.cache[place];
  }
}
