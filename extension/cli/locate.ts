/** Runs and files as a person names them on the command line: by path, or a run by its id within the runs folder. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { closest, distance } from 'fastest-levenshtein';
import { isHubReference } from '../core/hub/reference';
import { UserError } from '../core/problems';
import { exitCodes } from './exit-codes';

export const defaultRunsFolder = 'runs';

/**
 * Absolute path of a run directory.
 * @throws UserError MIM9010 where neither the path nor `<runs>/<id>` is one.
 */
export function findRun(target: string, runsFolder = defaultRunsFolder): string {
  for (const candidate of [resolve(target), resolve(runsFolder, target)]) {
    if (isRunDirectory(candidate)) return candidate;
  }
  if (existsSync(target)) {
    throw new UserError('MIM9010', `${target} is not a run directory: it has no config.yaml.`, 'A run directory is what `mim pretrain` makes; `mim runs` lists them.', exitCodes.notFound);
  }
  const near = nearestName(target, foldersIn(runsFolder));
  const hint = near === undefined ? '`mim runs` lists the runs of a folder.' : `Did you mean ${join(runsFolder, near)}? \`mim runs\` lists them all.`;
  throw new UserError('MIM9010', `There is no run ${target}, neither as a path nor in ${runsFolder}/.`, hint, exitCodes.notFound);
}

/** Absolute path of something that exists: a file, a checkpoint folder, or a run (also by id). What is on the Hub (`hf://`) stays as it is. */
export function findTarget(target: string, runsFolder = defaultRunsFolder): string {
  if (isHubReference(target)) return target;
  const path = resolve(target);
  return existsSync(path) ? path : findRun(target, runsFolder);
}

/**
 * The path as it was written, so that problems name the file as the user does.
 * @throws UserError MIM9011 with the nearest experiment file around, where there is one.
 */
export function findConfig(file: string): string {
  if (existsSync(file)) return file;
  const near = nearestName(file, experimentsNear(file));
  throw new UserError('MIM9011', `There is no experiment file ${file}.`, near === undefined ? 'examples/ holds experiments that run as they are.' : `Did you mean ${near}?`, exitCodes.notFound);
}

/** The folder of a run's checkpoint. @throws UserError where it has none of that step */
export async function checkpointAt(run: string, step: number): Promise<string> {
  const { RunDirectory } = await import('../core/runs/run-directory');
  return (await (await RunDirectory.open(run)).checkpointAt(step)).path;
}

export function isRunDirectory(path: string): boolean {
  return existsSync(join(path, 'config.yaml'));
}

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function foldersIn(folder: string): string[] {
  return isDirectory(folder) ? readdirSync(folder).filter((name) => isDirectory(join(folder, name))) : [];
}

function experimentsNear(file: string): string[] {
  const folders = ['.', join(file, '..'), 'examples'].filter(isDirectory);
  return folders.flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.mim.yaml')).map((name) => join(folder, name)));
}

function nearestName(wanted: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const name = closest(wanted, names);
  return distance(wanted, name) <= Math.max(3, wanted.length / 2) ? name : undefined;
}
