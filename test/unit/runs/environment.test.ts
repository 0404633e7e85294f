import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectEnvironment } from '../../../extension/core/runs/environment';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-environment-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const config = (): string => path.join(folder, 'a.mim.yaml');

it('says what the run was made with, with or without git', async () => {
  const environment = await collectEnvironment(config());
  expect(environment).toMatchObject({ node: process.version, host: os.hostname(), cores: os.cpus().length });
  expect(environment.product).toMatch(/^\d+\.\d+\.\d+/);
  expect(environment.git).toBeUndefined();
});

const hasGit = ((): boolean => {
  try {
    execFileSync('git', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!hasGit)('the repository of the configuration', () => {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'commit.gpgsign=false', ...args], { cwd: folder, encoding: 'utf8' });

  beforeEach(async () => {
    git('init', '-q');
    await writeFile(config(), 'mim: 1\n');
    git('add', '.');
    git('commit', '-q', '-m', 'first');
  });

  it('gives its commit, and what changed since', async () => {
    const clean = await collectEnvironment(config());
    expect(clean.git).toMatchObject({ commit: git('rev-parse', 'HEAD').trim() });
    expect(clean.git?.patch).toBeUndefined();
    await writeFile(config(), 'mim: 1\nseed: 2\n');
    expect((await collectEnvironment(config())).git?.patch).toContain('+seed: 2');
  });

  it('does not run the diff programs it configures', async () => {
    const program = path.join(folder, 'program.sh');
    const trace = path.join(folder, 'was-run');
    await writeFile(program, `#!/bin/sh\ntouch ${trace}\n`);
    await chmod(program, 0o755);
    await writeFile(path.join(folder, '.gitattributes'), '*.yaml diff=evil\n');
    git('config', 'diff.external', program);
    git('config', 'diff.evil.textconv', program);
    git('config', 'core.fsmonitor', program);
    await writeFile(config(), 'mim: 1\nseed: 2\n');
    expect((await collectEnvironment(config())).git?.patch).toContain('+seed: 2');
    await expect(stat(trace)).rejects.toThrow();
  });
});
