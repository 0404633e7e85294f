/**
 * Puts an engine's packages into a folder of its own. It appears there whole or not at all: npm works in a folder beside it,
 * which takes its place once the native part was tried.
 */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { isAlive } from '../../../core/runs/processes';
import type { EnginePackage } from './engine-package';
import { npmInstall } from './npm-install';
import { tryEngine, type Tried } from './try-engine';

export interface InstallOptions {
  /** Of all engines; this one goes into a folder of its name. */
  readonly engines: string;
  /** Hears what npm and the install script say. */
  readonly log: NodeJS.WritableStream;
  readonly signal?: AbortSignal;
  /** Tries the package in the folder that is given. */
  readonly tryOut?: (engine: EnginePackage, folder: string) => Promise<Tried>;
}

/** @throws UserError MIM4008 where npm fails, MIM4009 where what it brought does not load; what was there before stays then */
export async function installEngine(engine: EnginePackage, { engines, log, signal, tryOut = tryEngine }: InstallOptions): Promise<Tried> {
  await mkdir(engines, { recursive: true });
  await removeLeftovers(engine, engines);
  const partial = path.join(engines, `${partialPrefix(engine)}${os.hostname()}-${process.pid}`);
  try {
    await mkdir(partial);
    await writeFile(path.join(partial, 'package.json'), JSON.stringify(manifestOf(engine), null, 2));
    await npmInstall(engine, partial, log, signal);
    const tried = await tryOut(engine, path.join(partial, 'node_modules', engine.name));
    await takePlace(partial, path.join(engines, engine.kind));
    return tried;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function manifestOf({ name, version, beside, scripts }: EnginePackage): object {
  return { private: true, dependencies: { [name]: version, ...beside }, allowScripts: scripts };
}

const partialPrefix = ({ kind }: EnginePackage): string => `.${kind}.partial-`;

/** What an installation left that was killed. Those of other machines that share the folder may be at work. */
async function removeLeftovers(engine: EnginePackage, engines: string): Promise<void> {
  for (const name of await readdir(engines)) {
    const [, host, pid] = new RegExp(`^${partialPrefix(engine).replaceAll('.', '\\.')}(?:former-)?(.+)-(\\d+)$`).exec(name) ?? [];
    if (host === undefined || (await isAlive({ host, pid: Number(pid), processStart: '' })) !== 'dead') continue;
    await rm(path.join(engines, name), { recursive: true, force: true });
  }
}

async function takePlace(folder: string, target: string): Promise<void> {
  // A folder cannot be renamed over another. Removed as a leftover where this is killed in between.
  const former = path.join(path.dirname(folder), path.basename(folder).replace('.partial-', '.partial-former-'));
  const replaced = await rename(target, former).then(() => true, () => false);
  await rename(folder, target);
  if (replaced) await rm(former, { recursive: true, force: true });
}
