/** A terminal that remembers: what went to stdout, what to stderr. */
import { PassThrough } from 'node:stream';
import { runCommandLine } from '../../../extension/cli/program';
import type { Terminal } from '../../../extension/cli/terminal';

export interface RecordingTerminal extends Terminal {
  readonly stdout: string[];
  readonly stderr: string[];
  /** What progress drew. */
  drawn(): string;
}

export function recordingTerminal(options: { interactive?: boolean } = {}): RecordingTerminal {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const chunks: string[] = [];
  const progressStream = Object.assign(new PassThrough(), { isTTY: options.interactive === true, columns: 120 });
  progressStream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  return {
    stdout,
    stderr,
    drawn: () => chunks.join(''),
    out: (text) => void stdout.push(text),
    note: (text) => void stderr.push(text),
    onReaderGone: () => undefined,
    progressStream,
    interactive: options.interactive === true,
    color: false,
  };
}

export interface Said {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `mim` with these arguments in this process. */
export async function mim(...args: readonly string[]): Promise<Said> {
  const terminal = recordingTerminal();
  const exitCode = await runCommandLine(args, terminal);
  return { exitCode, stdout: terminal.stdout.join('\n'), stderr: terminal.stderr.join('\n') };
}
