/**
 * Obtains what a test in a real VS Code needs, from the npm registry alone: two releases of code-server (the newest, and
 * the floor that engines.vscode promises) and the Node the newer one wants.
 *
 * Everything lands in node_modules/.cache/mim-vscode, each piece unpacked beside its place and renamed into it, so that
 * an interrupted set-up leaves no half of a piece and a second one finds nothing to do.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '..', '..');
const cache = join(repository, 'node_modules', '.cache', 'mim-vscode');

/** Which code-server carries which VS Code: 4.x.y carries 1.x.y. */
const releases = { newest: '4.139.1', floor: '4.100.3' } as const;
const nodeVersion = '24.21.0';
const ripgrepVersion = '1.18.0';

export type Release = keyof typeof releases;

export interface ServerProgram {
  readonly release: Release;
  /** The version of VS Code inside, like 1.139.1. */
  readonly version: string;
  /** The Node that runs it. */
  readonly node: string;
  /** Its server-main.js. */
  readonly main: string;
}

/** The server of `release`, fetched when it is not there yet (about 20 s, 0.7 GB). */
export async function obtainServer(release: Release): Promise<ServerProgram> {
  const version = releases[release];
  const folder = await piece(`code-server-${version}`, (target) => unpackServer(version, target));
  const vscode = join(folder, 'lib', 'vscode');
  const product = JSON.parse(await readFile(join(vscode, 'package.json'), 'utf8')) as { version: string };
  const node = release === 'newest' ? await obtainNode() : process.execPath;
  return { release, version: product.version, node, main: join(vscode, 'out', 'server-main.js') };
}

async function unpackServer(version: string, target: string): Promise<void> {
  await unpack(`code-server@${version}`, target);
  const vscode = join(target, 'lib', 'vscode');
  await npm(['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--force'], vscode);
  const ripgrep = join(vscode, 'node_modules', '@vscode', 'ripgrep');
  // The floor's ripgrep package downloads its program in an install script; the registry has the same program in a package.
  if (existsSync(ripgrep) && !existsSync(join(ripgrep, 'bin', 'rg'))) await placeRipgrep(join(ripgrep, 'bin'));
}

async function placeRipgrep(bin: string): Promise<void> {
  const folder = await piece(`ripgrep-${ripgrepVersion}`, (target) => unpack(`@vscode/ripgrep-universal@${ripgrepVersion}`, target));
  await mkdir(bin, { recursive: true });
  await copyFile(join(folder, 'bin', `${process.platform}-${process.arch}`, 'rg'), join(bin, 'rg'));
  await chmod(join(bin, 'rg'), 0o755);
}

async function obtainNode(): Promise<string> {
  if (Number(process.versions.node.split('.')[0]) === 24) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = await piece(`${name}-${nodeVersion}`, (target) => unpack(`${name}@${nodeVersion}`, target));
  const program = join(folder, 'bin', 'node');
  await chmod(program, 0o755);
  return program;
}

/** A folder of the cache, made by `make` when it is missing. */
async function piece(name: string, make: (target: string) => Promise<void>): Promise<string> {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  const partial = join(cache, `.partial-${process.pid}-${name}`);
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    await make(partial);
    await rename(partial, folder);
  } catch (error) {
    // Another test process may have been quicker.
    if (!existsSync(folder)) throw new Error(`${name} could not be fetched from the npm registry: ${String(error)}`, { cause: error });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}

/** A package of the registry, without the `package` folder that its archive wraps it in. */
async function unpack(spec: string, target: string): Promise<void> {
  const { stdout } = await npm(['pack', spec, '--json', '--pack-destination', target], target);
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  if (!packed) throw new Error(`npm pack ${spec} named no archive`);
  // npm writes a scoped package's archive with a dash for the slash, whatever it reports.
  const archive = join(target, packed.filename.replace(/^@/, '').replace('/', '-'));
  await run('tar', ['-xzf', archive, '-C', target, '--strip-components=1', '--no-same-owner']);
  await rm(archive);
}

function npm(args: readonly string[], cwd: string) {
  return run('npm', [...args], { cwd, maxBuffer: 64 << 20, env: withoutNpmSettings() });
}

/** Under `npm test` npm passes its own settings on in the environment; they are not meant for another package. */
function withoutNpmSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^npm_(config|package|lifecycle)_/i.test(key) || /registry|cache|userconfig/i.test(key)));
}
