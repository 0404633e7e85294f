/** What the commands share: how one is declared, and the options that mean the same everywhere. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { LauncherKind } from '../core/launchers/launcher';
import { RUN_NAME, RUN_NAME_RULE } from '../core/runs/run-name';
import type { Terminal } from './terminal';

/** The running command line. Actions set `exitCode`; what they throw is told by errors.ts. */
export interface Cli {
  readonly program: Command;
  readonly terminal: Terminal;
  exitCode: number;
}

export const jsonOption = (): Option => new Option('--json', 'machine-readable: the answer on stdout is JSON and nothing else');

export const launcherOption = (what: string): Option => new Option('--launcher <kind>', what).choices(['here', 'queue', 'slurm'] satisfies LauncherKind[]);

export const runsOption = (): Option => new Option('--runs <dir>', 'folder of the runs, where RUN is an id').default('runs');

/** Whether this process is one of several that train a run together. */
export function mpiOptions(command: Command): Command {
  return command
    .addOption(new Option('--mpi', 'train as one of several ranks joined by MPI (default: where mpirun or srun started several)'))
    .addOption(new Option('--no-mpi', 'train alone, whatever started this process'));
}

export const setOption = (): Option =>
  new Option('--set <key=value>', 'override one key of the experiment, e.g. --set masking.ratio=0.5 (repeatable)').argParser(collectOverride).default({}, 'none');

/** `masking.ratio=0.5` → { 'masking.ratio': '0.5' }, added to those before it. */
export function collectOverride(text: string, before: Record<string, string>): Record<string, string> {
  const match = /^([\w.-]+)=(.*)$/s.exec(text);
  if (match === null) throw new InvalidArgumentError('It should look like key=value, for example masking.ratio=0.5.');
  return { ...before, [match[1]!]: match[2]! };
}

export function runName(text: string): string {
  if (!RUN_NAME.test(text)) throw new InvalidArgumentError(`A run's name is ${RUN_NAME_RULE}.`);
  return text;
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It should be a whole number, at least 1.');
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It should be a number above 0.');
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It should be a whole number, at least 0.');
  return value;
}

/** Help text below the options. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
