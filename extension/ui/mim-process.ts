/** `mim` as a process of its own: the window stays responsive and never loads an engine. */
import { execFile, type ExecFileException } from 'node:child_process';
import { lastWords } from '../core/jobs/last-words';
import { UserError } from '../core/problems';
import type { Mim } from './mim';

export interface MimCommand {
  readonly executable: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A preview of many images, or doctor's long lists, as JSON. */
const LARGEST_OUTPUT = 64 * 1024 * 1024;

/** @param command asked before each run, since the setting may have changed. */
export function createMim(command: () => MimCommand): Mim {
  return {
    run: (given, { cwd, signal, accept = [0] } = {}) =>
      new Promise((resolve, reject) => {
        const { executable, args, env } = command();
        const options = { cwd, signal, env: { ...process.env, ...env }, maxBuffer: LARGEST_OUTPUT, windowsHide: true };
        execFile(executable, [...args, ...given], options, (error, stdout, stderr) => {
          if (accept.includes(error === null ? 0 : Number(error.code))) resolve({ stdout });
          else if (error === null) reject(new UserError('MIM9502', `mim ${given[0] ?? ''} ended as was not expected.`));
          else reject(failure(error, given, executable, stderr));
        });
      }),
  };
}

function failure(error: ExecFileException, given: readonly string[], executable: string, stderr: string): Error {
  if (error.name === 'AbortError') return error;
  const code: unknown = error.code;
  if (code === 'ENOENT' || code === 'EACCES') return new UserError('MIM9501', `${executable} cannot be started.`, 'Set `mim.nodePath` to a Node.js 20.9 or newer, or clear it to use the one inside VS Code.');
  return new UserError('MIM9502', `mim ${given[0] ?? ''} failed: ${lastWords(stderr) || error.message}`);
}
