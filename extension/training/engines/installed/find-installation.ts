/** Where the packages of an engine lie: in the current folder's node_modules or one above it, else where `mim engine install` puts them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { foldersUpward } from '../../../core/files/folders-upward';
import { cacheFolder, type Variables } from '../../../core/files/cache-folder';
import { UserError } from '../../../core/problems';
import { enginePackages, type EnginePackage, type InstallableEngine } from './engine-package';

/** Names another folder for installed engines. */
export const ENGINES_VARIABLE = 'MIM_ENGINES';

/** `$MIM_ENGINES`, or a folder of this user's cache, as for weights. */
export function enginesFolder(variables: Variables = process.env): string {
  const named = variables[ENGINES_VARIABLE];
  return named ? path.resolve(named) : cacheFolder('engines', variables);
}

export interface Installation {
  /** The package's own folder. */
  readonly folder: string;
  readonly version: string;
  /** `workspace`: somebody else's node_modules. */
  readonly from: 'workspace' | 'engines';
}

/** The first that is there, whatever its version. */
export function findInstallation({ kind, name }: EnginePackage, start = process.cwd(), engines = enginesFolder()): Installation | undefined {
  for (const folder of foldersUpward(start)) {
    const found = installationAt(path.join(folder, 'node_modules', name), 'workspace');
    if (found) return found;
  }
  return installationAt(path.join(engines, kind, 'node_modules', name), 'engines');
}

/** @throws UserError MIM4004 where it is not installed, MIM4005 where it is another version */
export function requireInstallation(kind: InstallableEngine): Installation {
  const wanted = enginePackages[kind];
  const found = findInstallation(wanted);
  const how = `\`mim engine install ${kind}\``;
  if (!found) throw new UserError('MIM4004', `${wanted.name} is not installed; ${how} does it.`, `Where it is installed elsewhere, name that folder in ${ENGINES_VARIABLE}.`);
  if (found.version === wanted.version) return found;
  throw new UserError('MIM4005', `${wanted.name} ${found.version} in ${found.folder} is not ${wanted.version}, which is the version that is known here.`, found.from === 'workspace' ? `Install ${wanted.version} there, or remove it and use ${how}.` : `Use ${how}.`);
}

function installationAt(folder: string, from: Installation['from']): Installation | undefined {
  try {
    const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { version?: unknown };
    return { folder, version: String(version), from };
  } catch {
    return undefined;
  }
}
