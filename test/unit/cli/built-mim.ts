/** The built command line as a process of its own, for what only a process shows: signals, kills, streams. */
import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const program = join('dist', 'mim.mjs');

/** Builds where the bundle is absent or older than a source. */
export function ensureBuilt(): void {
  if (existsSync(program) && statSync(program).mtimeMs > newestSource('extension')) return;
  execFileSync(process.execPath, ['esbuild.mjs'], { stdio: 'inherit' });
}

function newestSource(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}

export interface RunningMim {
  readonly process: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves once the pattern is in either stream; rejects where the process ends without it. */
  said(pattern: RegExp): Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** @param launcher a command that starts it, such as mpirun with its options */
export function startMim(args: readonly string[], environment: Readonly<Record<string, string>> = {}, launcher: readonly string[] = []): RunningMim {
  const [command, ...rest] = [...launcher, process.execPath, program, ...args];
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    watchers.forEach((watch) => watch());
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    watchers.forEach((watch) => watch());
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  return {
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          if (!pattern.test(stdout) && !pattern.test(stderr)) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        void ended.then(() => reject(new Error(`mim ended without saying ${pattern}:\n${stderr}`)));
        watch();
      }),
  };
}

/** Runs the program to its end. */
export async function answerOf(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const mim = startMim(args);
  const { code } = await mim.ended;
  return { code, stdout: mim.stdout(), stderr: mim.stderr() };
}
