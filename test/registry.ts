/**
 * What tests fetch from the npm registry beside the dependencies: packages whose install scripts must not run on everyone's
 * machine, or that are too large to be a dependency.
 *
 * Each piece is unpacked beside its place in node_modules/.cache and renamed into it, so that an interrupted set-up leaves no
 * half of a piece and a second one finds nothing to do.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const caches = join(import.meta.dirname, '..', 'node_modules', '.cache');

/** A folder of one of the caches, made by `make` when it is missing. */
export async function cachedPiece(set: string, name: string, make: (target: string) => Promise<void>): Promise<string> {
  const cache = join(caches, set);
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
export async function unpack(spec: string, target: string): Promise<void> {
  const { stdout } = await npm(['pack', spec, '--json', '--pack-destination', target], target);
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  if (!packed) throw new Error(`npm pack ${spec} named no archive`);
  // npm writes a scoped package's archive with a dash for the slash, whatever it reports.
  const archive = join(target, packed.filename.replace(/^@/, '').replace('/', '-'));
  await run('tar', ['-xzf', archive, '-C', target, '--strip-components=1', '--no-same-owner']);
  await rm(archive);
}

export function npm(args: readonly string[], cwd: string) {
  return run('npm', [...args], { cwd, maxBuffer: 64 << 20, env: withoutNpmSettings() });
}

/** Under `npm test` npm passes its own settings on in the environment; they are not meant for another package. */
function withoutNpmSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^npm_(config|package|lifecycle)_/i.test(key) || /registry|cache|userconfig/i.test(key)));
}
