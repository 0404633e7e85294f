/**
 * The commands of Slurm: their arguments, and what their answers mean. Slurm 20.11 to current.
 *
 * Answers are read in the text formats, which have stayed the same: the shape of `--json` differs from release to release
 * (`job_state` is a text, then a list; numbers become objects), and 22.05 lists every job of the cluster whatever is asked.
 */

/** One task as `squeue` or `sacct` tells of it. */
export interface TaskReport {
  /** `1234_5`. */
  readonly task: string;
  /** Slurm's long form, `PENDING`, `RUNNING`, `OUT_OF_MEMORY`. */
  readonly state: string;
  /** Why it waits, `Resources`; undefined where there is nothing to say. */
  readonly reason?: string;
  readonly node?: string;
}

export const submitArguments = (script: string): string[] => ['sbatch', '--parsable', script];

/** All jobs of this user in one question, also those that ended within the last minutes (`MinJobAge`). */
export const squeueArguments = (): string[] => ['squeue', '--me', '--array', '--noheader', '--states=all', '--format=%i|%T|%r|%N'];

/** Only where the site keeps accounts; an error otherwise. */
export const sacctArguments = (jobs: readonly string[]): string[] => ['sacct', '--array', '--allocations', '--noheader', '--parsable2', '--format=JobID,State,NodeList', `--jobs=${jobs.join(',')}`];

export const cancelArguments = (tasks: readonly string[]): string[] => ['scancel', ...tasks];

export type Control = 'hold' | 'release' | 'requeue';

export const controlArguments = (what: Control, tasks: readonly string[]): string[] => ['scontrol', what, tasks.join(',')];

/** `1234` or `1234;cluster`; undefined where it is neither. Messages of the site may stand before it. */
export function parseSubmitted(stdout: string): string | undefined {
  return /^(\d+)(;\S+)?\s*$/m.exec(stdout)?.[1];
}

export function parseSqueue(stdout: string): TaskReport[] {
  return stdout.split('\n').flatMap((line) => {
    const [task, state, reason, node] = line.trim().split('|');
    return task !== undefined && /^\d+(_\d+)?$/.test(task) && state ? [report(task, state, reason, node)] : [];
  });
}

/** `CANCELLED by 1000` is `CANCELLED`. */
export function parseSacct(stdout: string): TaskReport[] {
  return stdout.split('\n').flatMap((line) => {
    const [task, state, node] = line.trim().split('|');
    return task !== undefined && /^\d+(_\d+)?$/.test(task) && state ? [report(task, state.split(' ')[0]!, undefined, node)] : [];
  });
}

function report(task: string, state: string, reason: string | undefined, node: string | undefined): TaskReport {
  return { task, state, ...(reason && reason !== 'None' && { reason }), ...(node && /\w/.test(node) && node !== 'None assigned' && { node }) };
}
