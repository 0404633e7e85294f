/** The checker of the command line, for a text that is being written. */
import { checkFiles } from '../config/check-files';
import { checkText } from '../config/load';
import { sortProblems } from '../config/location';
import { expansion } from '../config/sweep';
import type { Problem } from '../problems';

export interface CheckOptions {
  /** Look for the files that are named; not for a text that lies nowhere yet, or that nobody trusts. */
  readonly files: boolean;
  /** Whether the text has changed meanwhile, so that nobody waits for the answer. */
  readonly isStale?: () => boolean;
}

/** Cells of a sweep that are checked before others may go on: some ten milliseconds. */
const CELLS_AT_ONCE = 20;

/** Every problem that `mim pretrain` or `mim sweep` would tell, files included, in reading order; undefined once it is stale. */
export async function checkWhileTyping(text: string, file: string, { files, isStale = () => false }: CheckOptions): Promise<Problem[] | undefined> {
  const { experiment, problems, locate } = checkText(text, file);
  // Of a sweep the cells are what runs; what is wrong without it may be right in all of them.
  const own = experiment?.sweep === undefined ? problems : await sweepProblems(text, file, isStale);
  if (own === undefined) return undefined;
  const ofFiles = experiment && files ? await checkFiles(experiment, file, locate) : [];
  return isStale() ? undefined : sortProblems([...own, ...ofFiles]);
}

async function sweepProblems(text: string, file: string, isStale: () => boolean): Promise<Problem[] | undefined> {
  const steps = expansion(text, file);
  for (let cell = 1; ; cell++) {
    const step = steps.next();
    if (step.done) return step.value.problems;
    if (cell % CELLS_AT_ONCE > 0) continue;
    await new Promise(setImmediate);
    if (isStale()) return undefined;
  }
}
