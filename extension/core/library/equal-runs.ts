/** Whether a look brought anything new of a run, so that nobody redraws what stayed. */
import { isDeepStrictEqual } from 'node:util';
import type { LibraryRun } from './library-run';

export function isLibraryRunEqual(a: LibraryRun, b: LibraryRun): boolean {
  // A run whose files did not change is the same object but for its marks.
  const { config: configA, checkpoints: checkpointsA, evaluations: evaluationsA, ...restA } = a;
  const { config: configB, checkpoints: checkpointsB, evaluations: evaluationsB, ...restB } = b;
  const isSame = <T>(x: T, y: T) => x === y || isDeepStrictEqual(x, y);
  return isSame(restA, restB) && isSame(evaluationsA, evaluationsB) && isSame(checkpointsA, checkpointsB) && isSame(configA, configB);
}
