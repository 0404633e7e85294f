/**
 * Obtains what a test in a real VS Code needs, from the npm registry alone: two releases of code-server (the newest, and
 * the floor that engines.vscode promises) and the Node the newer one wants.
 *
 * Everything lands in node_modules/.cache/mim-vscode.
 */
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedPiece, npm, unpack } from '../registry';

/** Which code-server carries which VS Code: 4.x.y carries 1.x.y. */
const releases = { newest: '4.139.1', floor: '4.100.3' } as const;
const nodeVersion = '24.21.0';
const ripgrepVersion = '1.18.0';

/** A folder of the cache, made by `make` when it is missing. */
const piece = (name: string, make: (target: string) => Promise<void>): Promise<string> => cachedPiece('mim-vscode', name, make);

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
