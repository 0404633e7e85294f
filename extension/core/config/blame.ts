/** What goes wrong while the files of an experiment are opened is told at the keys that named them. */
import { type Problem, UserError } from '../problems';
import { ConfigError } from './load';
import type { Locator } from './location';
import { ProblemList } from './problem-list';

/** Where problems of an experiment are, if it comes from a file that a person wrote. */
export interface Origin {
  readonly file: string;
  readonly locate: Locator;
}

/**
 * Does `work`; a user's error in it becomes one of the experiment, at the first of `keys` that is written. Without an
 * origin it stays as it is.
 *
 * @throws ConfigError that keeps code, message and hint
 */
export async function blaming<Result>(origin: Origin | undefined, keys: readonly string[], work: () => Promise<Result> | Result): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const known = error instanceof UserError ? error : unreadable(error);
    if (!origin || known === undefined || known instanceof ConfigError) throw error;
    throw new ConfigError([problemOf(known, keys, origin)]);
  }
}

function problemOf({ code, message, hint }: UserError, keys: readonly string[], { file, locate }: Origin): Problem {
  const problems = new ProblemList(file, locate);
  problems.add(code, keys, message, { hint });
  return problems.all[0]!;
}

/** What the operating system refuses. */
function unreadable(error: unknown): UserError | undefined {
  const { code, path } = error as NodeJS.ErrnoException;
  if (typeof path !== 'string' || typeof code !== 'string') return undefined;
  const why = code === 'EACCES' || code === 'EPERM' ? 'permission is denied' : code;
  return new UserError('MIM1206', `${path} cannot be read: ${why}.`, 'Check the path and its permissions.');
}
