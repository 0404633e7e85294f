/** How every failure of a command is told, and what the shell gets. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import type { ConfigError } from '../core/config/load';
import { UserError, sentences, type Problem } from '../core/problems';
import { tellJobOfFailure } from './job-worker';
import { exitCodes } from './exit-codes';
import { styled, type Terminal } from './terminal';

/** What `--json` prints in place of an answer. */
interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly problems?: readonly Problem[];
}

/** Tells the error on stderr (with `json` also as one line of JSON on stdout) and returns the exit code. */
export async function reportError(error: unknown, terminal: Terminal, options: { json: boolean; debug: boolean }): Promise<number> {
  if (error instanceof CommanderError) {
    if (error.exitCode !== 0) tellJobOfFailure(error.message);
    // Commander has already said it on stderr; help and version are no errors.
    if (error.exitCode !== 0 && options.json) tellJson(terminal, { code: 'MIM9001', message: error.message.replace(/^error: /, '') });
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
  const known = error instanceof UserError ? error : systemError(error);
  if (known === undefined) return reportUnexpected(error, terminal, options);

  tellJobOfFailure(sentences(known));
  const problems = isConfigError(known) ? known.problems : [];
  if (isConfigError(known)) {
    const { formatProblems } = await import('../core/config/format');
    terminal.note(formatProblems(known.problems, { color: terminal.color }));
  } else {
    terminal.note(`${styled(terminal, 'red', `error ${known.code}:`)} ${known.message}`);
    if (known.hint !== undefined) terminal.note(`  ${known.hint}`);
  }
  if (options.json) tellJson(terminal, { code: known.code, message: known.message.split('\n', 1)[0]!, hint: known.hint, ...(problems.length > 0 ? { problems } : {}) });
  if (options.debug && known.stack !== undefined) terminal.note(styled(terminal, 'dim', known.stack));
  return known.exitCode;
}

/** By its fields, so that commands which read no experiment need not load the schema to tell. */
function isConfigError(error: UserError): error is ConfigError {
  return 'problems' in error;
}

function tellJson(terminal: Terminal, error: ToldError): void {
  terminal.out(JSON.stringify({ error }));
}

/** Failures of the file system that the user, not the program, can mend. */
function systemError(error: unknown): UserError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, path } = error as NodeJS.ErrnoException;
  const file = path ?? 'a file';
  switch (code) {
    case 'ENOENT':
      return new UserError('MIM9002', `${file} does not exist.`, 'Check the path; relative paths start at the current folder.', exitCodes.notFound);
    case 'ENOTDIR':
      return new UserError('MIM9003', `${file}: part of this path is a file where a folder is needed.`);
    case 'EISDIR':
      return new UserError('MIM9004', `${file} is a folder where a file is needed.`);
    case 'EACCES':
    case 'EPERM':
      return new UserError('MIM9005', `No permission for ${file}.`, 'Change its permissions, or choose another place with --runs or --output.');
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError('MIM9006', `The disk is full (while writing ${file}).`, 'Free some space; a run goes on from its last checkpoint with `mim resume`.');
    case 'EROFS':
      return new UserError('MIM9007', `${file} is on a file system that cannot be written.`, 'Choose another place with --runs or --output.');
    default:
      return undefined;
  }
}

function reportUnexpected(error: unknown, terminal: Terminal, options: { json: boolean; debug: boolean }): number {
  const message = error instanceof Error ? error.message : String(error);
  tellJobOfFailure(message);
  const details = error instanceof Error ? (error.stack ?? message) : message;
  terminal.note(`${styled(terminal, 'red', 'unexpected error:')} ${message.split('\n', 1)[0]}`);
  if (options.debug) terminal.note(details);
  else terminal.note(`  ${whereDetailsAre(details)}`);
  if (options.json) tellJson(terminal, { code: 'MIM9000', message });
  return exitCodes.failed;
}

function whereDetailsAre(details: string): string {
  try {
    const file = join(mkdtempSync(join(tmpdir(), 'mim-error-')), 'details.txt');
    writeFileSync(file, `mim ${process.argv.slice(2).join(' ')}\nnode ${process.version} ${process.platform} ${process.arch}\n\n${details}\n`);
    return `Details: ${file} (or run again with --debug). Please report it with that file.`;
  } catch {
    return 'Run again with --debug for the details.';
  }
}
