import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { enginePackages } from '../../../../extension/training/engines/installed/engine-package';
import { installEngine, type InstallOptions } from '../../../../extension/training/engines/installed/install-engine';
import { tryEngine } from '../../../../extension/training/engines/installed/try-engine';

const engine = enginePackages['tfjs-node-gpu'];

let folder: string;
let engines: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-install-'));
  engines = join(folder, 'engines');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** In npm's place, with the shell commands that it does. */
async function npmThat(...commands: readonly string[]): Promise<void> {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'npm'), `#!/bin/sh\n${commands.join('\n')}\n`);
  await chmod(join(bin, 'npm'), 0o755);
  vi.stubEnv('PATH', `${bin}${delimiter}${process.env['PATH']}`);
}

const laysOut = (content: string): string => `mkdir -p node_modules/${engine.name} && echo ${content} > node_modules/${engine.name}/package.json`;

function install(options: Partial<InstallOptions> = {}) {
  const log = new PassThrough();
  log.resume();
  return installEngine(engine, { engines, log, tryOut: () => Promise.resolve({ detail: 'It loads', gpu: false }), ...options });
}

const placed = (): Promise<string> => readFile(join(engines, engine.kind, 'node_modules', engine.name, 'package.json'), 'utf8');

it('has npm install the one version, with leave for its install script, and puts it in place', async () => {
  await npmThat(`echo "$@" > ${folder}/arguments`, `cp package.json ${folder}/manifest`, `echo "$npm_config_local_prefix,$npm_config_registry" > ${folder}/settings`, laysOut('new'));
  vi.stubEnv('npm_config_local_prefix', '/elsewhere');
  vi.stubEnv('npm_config_registry', 'https://mirror');
  expect(await install()).toEqual({ detail: 'It loads', gpu: false });
  expect(await placed()).toBe('new\n');
  expect(JSON.parse(await readFile(join(folder, 'manifest'), 'utf8'))).toEqual({ private: true, dependencies: { [engine.name]: '4.22.0' }, allowScripts: { [engine.name]: true, 'core-js': false } });
  expect(await readFile(join(folder, 'arguments'), 'utf8')).toContain('--ignore-scripts=false');
  // Another project's folder is not meant; where packages come from is.
  expect(await readFile(join(folder, 'settings'), 'utf8')).toBe(',https://mirror\n');
  expect(await readdir(engines)).toEqual([engine.kind]);
});

it('leaves what was there where npm fails, and says what npm said', async () => {
  await npmThat(laysOut('old'));
  await install();
  await npmThat(laysOut('half'), 'echo "Error: getaddrinfo ENOTFOUND storage.googleapis.com" >&2', 'exit 1');
  await expect(install()).rejects.toMatchObject({ code: 'MIM4008', message: expect.stringContaining('ENOTFOUND storage.googleapis.com') as string });
  expect(await placed()).toBe('old\n');
  expect(await readdir(engines)).toEqual([engine.kind]);
});

it('replaces what was there', async () => {
  await npmThat(laysOut('old'));
  await install();
  await npmThat(laysOut('new'));
  await install();
  expect(await placed()).toBe('new\n');
  expect(await readdir(engines)).toEqual([engine.kind]);
});

it('keeps nothing that does not load', async () => {
  const at = `node_modules/${engine.name}`;
  await npmThat(laysOut('new'), `mkdir -p ${at}/lib/napi-v8 && echo nothing > ${at}/lib/napi-v8/tfjs_binding.node`);
  await expect(install({ tryOut: tryEngine })).rejects.toMatchObject({ code: 'MIM4009', message: expect.stringContaining('does not load') as string });
  await npmThat(laysOut('new'));
  await expect(install({ tryOut: tryEngine })).rejects.toMatchObject({ code: 'MIM4009', message: expect.stringContaining('no native part') as string });
  expect(await readdir(engines)).toEqual([]);
});

it('begins anew where an installation was killed, and leaves that of another machine alone', async () => {
  const dead = `.${engine.kind}.partial-${hostname()}-999999999`;
  const former = `.${engine.kind}.partial-former-${hostname()}-999999999`;
  const other = `.${engine.kind}.partial-another.host-1`;
  for (const name of [dead, former, other]) await mkdir(join(engines, name, 'node_modules'), { recursive: true });
  await npmThat(laysOut('new'));
  await install();
  expect((await readdir(engines)).sort()).toEqual([other, engine.kind].sort());
});

it('ends npm and all it started when it is stopped', async () => {
  const abort = new AbortController();
  await npmThat(laysOut('half'), `sh -c 'trap "echo ended > ${folder}/script; exit" TERM; touch ${folder}/started; sleep 60 & wait'`);
  const installing = install({ signal: abort.signal });
  await vi.waitUntil(() => existsSync(join(folder, 'started')), 10_000);
  abort.abort();
  await expect(installing).rejects.toMatchObject({ name: 'AbortError' });
  expect(await readFile(join(folder, 'script'), 'utf8')).toBe('ended\n');
  expect(await readdir(engines)).toEqual([]);
});
