/** What is asked for → the command line of `mim` that does it. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../problems';
import type { JobSpec } from './job';

export function argumentsOf(spec: JobSpec): string[] {
  switch (spec.kind) {
    case 'pretrain':
      return ['pretrain', spec.configFile, ...Object.entries(spec.set ?? {}).flatMap(([key, value]) => ['--set', `${key}=${value}`]), ...option('--name', spec.name), ...option('--note', spec.note), ...option('--experiment', spec.experimentFile)];
    case 'sweep':
      return ['sweep', spec.configFile];
    case 'cell':
      return ['cell', spec.sweep, String(spec.index), ...(spec.retry === true ? ['--retry'] : [])];
    case 'resume':
      return ['resume', spec.run, ...stepOption(spec.step)];
    case 'evaluate':
      return ['evaluate', spec.run, ...stepOption(spec.step), '--protocol', spec.protocol, ...option('--preset', spec.preset), ...option('--features', spec.features), ...option('--layers', spec.layers?.toString()), ...option('--label-fraction', spec.labelFraction?.toString())];
  }
}

/** What the job begins with, and the folder it works in. */
export function placeOf(spec: JobSpec): { readonly needs: string; readonly cwd: string } {
  const needs = neededFile(spec);
  return { needs, cwd: path.dirname(needs) };
}

/** @throws UserError MIM7303 where what the job begins with is gone */
export async function requirePlace(spec: JobSpec): Promise<void> {
  const { needs } = placeOf(spec);
  if (await stat(needs).then((found) => found.isFile(), () => false)) return;
  throw new UserError('MIM7303', absence(spec), 'It may have been moved or deleted.');
}

function absence(spec: JobSpec): string {
  switch (spec.kind) {
    case 'pretrain':
    case 'sweep':
      return `There is no experiment file ${spec.configFile}.`;
    case 'cell':
      return `There is no sweep ${spec.sweep}.`;
    case 'resume':
    case 'evaluate':
      return `${spec.run} is not a run directory.`;
  }
}

function neededFile(spec: JobSpec): string {
  switch (spec.kind) {
    case 'pretrain':
    case 'sweep':
      return spec.configFile;
    case 'cell':
      return spec.sweep;
    case 'resume':
    case 'evaluate':
      return path.join(spec.run, 'config.yaml');
  }
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}

function stepOption(step: number | undefined): string[] {
  return step === undefined ? [] : ['--step', String(step)];
}
