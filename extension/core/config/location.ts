/** Where a key of an experiment was written. */
import type { Problem, SourceRange } from '../problems';

export interface SourceLocation {
  /** A file, or a command-line option such as `--set masking.ratio=2`. */
  readonly file: string;
  /** Absent for an option. */
  readonly range?: SourceRange;
  /** The line on which `range` starts. */
  readonly sourceLine?: string;
}

/**
 * The place of a dotted key (`masking.ratio`, `evaluate.0.k`): its value, or its name.
 * Undefined where the key is not written (its default holds).
 */
export type Locator = (key: string, part?: 'key' | 'value') => SourceLocation | undefined;

export const nowhere: Locator = () => undefined;

/** The first of `keys` that is written, otherwise the nearest section around the first of them. */
export function nearestLocation(locate: Locator, keys: readonly string[]): SourceLocation | undefined {
  for (const key of keys) {
    const found = locate(key);
    if (found) return found;
  }
  for (let key = keys[0] ?? ''; key.includes('.'); ) {
    key = key.slice(0, key.lastIndexOf('.'));
    const found = locate(key, 'key');
    if (found) return found;
  }
  return undefined;
}

/** In reading order; what has no place (an option, the whole file) comes last. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const place = (problem: Problem) => problem.range?.start.offset ?? Number.MAX_SAFE_INTEGER;
  return [...problems].sort((a, b) => place(a) - place(b));
}
