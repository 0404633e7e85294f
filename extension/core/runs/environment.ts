/** What a run was made with: versions, machine, and the state of the code beside its configuration. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { foldersUpward } from '../files/folders-upward';

export interface Environment {
  /** Of this product; undefined where it was moved away from its package.json. */
  readonly product?: string;
  readonly node: string;
  readonly platform: string;
  readonly host: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Of the repository the configuration lies in, where there is one. */
  readonly git?: GitState;
}

export interface GitState {
  readonly commit: string;
  readonly branch?: string;
  /** Changes to tracked files since the commit, as `git diff` prints them; absent where there are none. */
  readonly patch?: string;
  /** The patch was longer than is kept. */
  readonly patchCut?: boolean;
}

const MAX_PATCH = 1 << 20;

/** @param configFile the experiment's file; its folder is asked for its git state. */
export async function collectEnvironment(configFile: string): Promise<Environment> {
  const cpus = os.cpus();
  return {
    product: await productVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch} ${os.release()}`,
    host: os.hostname(),
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round((os.totalmem() / 2 ** 30) * 10) / 10,
    git: await gitState(path.dirname(path.resolve(configFile))),
  };
}

/** From the package.json above this file, in the sources and in the bundle alike. */
async function productVersion(): Promise<string | undefined> {
  for (const folder of foldersUpward(path.dirname(fileURLToPath(import.meta.url)))) {
    try {
      const { name, version } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as { name?: unknown; version?: unknown };
      if (name === 'mim-lab' && typeof version === 'string') return version;
    } catch {
      // Not here; the folder above may have it.
    }
  }
  return undefined;
}

/** Undefined where there is no repository, no commit or no git. */
async function gitState(folder: string): Promise<GitState | undefined> {
  const commit = await git(folder, ['rev-parse', 'HEAD']);
  if (commit === undefined) return undefined;
  const branch = (await git(folder, ['symbolic-ref', '--short', '-q', 'HEAD']))?.trim();
  // Without the diff helpers a repository may configure: they would change the text, and they are programs.
  const patch = await git(folder, ['diff', '--no-ext-diff', '--no-textconv', '--no-color', 'HEAD']);
  return {
    commit: commit.trim(),
    ...(branch === undefined ? {} : { branch }),
    ...(patch === undefined || patch === '' ? {} : { patch: patch.slice(0, MAX_PATCH) }),
    ...((patch?.length ?? 0) > MAX_PATCH ? { patchCut: true } : {}),
  };
}

async function git(folder: string, args: readonly string[]): Promise<string | undefined> {
  const options = { cwd: folder, timeout: 5000, maxBuffer: 64 << 20, env: { ...process.env, GIT_OPTIONAL_LOCKS: '0' } };
  try {
    return (await promisify(execFile)('git', ['-c', 'core.fsmonitor=false', ...args], options)).stdout;
  } catch {
    return undefined;
  }
}
