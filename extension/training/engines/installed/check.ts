/** One thing that an engine needs of a machine, looked for. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Without it: `install` cannot be done, or what is installed does not `run`. */
  readonly neededTo: 'install' | 'run';
  /** A sentence without its full stop. */
  readonly detail: string;
  /** How to mend it. */
  readonly hint?: string;
}

export const failedChecks = (checks: readonly Check[]): Check[] => checks.filter(({ ok }) => !ok);
