/**
 * Named settings of clusters: `profile: NAME` in an experiment. They come from the extension's setting `mim.slurmProfiles`,
 * which hands them to `mim` in MIM_PROFILES, and from `~/.config/mim/profiles.yaml`; the setting holds.
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import type * as z from 'zod';
import { errorCode } from '../../files/durable-files';
import { UserError } from '../../problems';
import { profilesSchema, type SlurmProfile } from './options';
import { PROFILES_VARIABLE } from './profiles-variable';

type Environment = Readonly<Record<string, string | undefined>>;

export function profilesFile(environment: Environment = process.env): string {
  return path.join(environment.XDG_CONFIG_HOME || path.join(homedir(), '.config'), 'mim', 'profiles.yaml');
}

/** @throws UserError MIM7466 where there is no such profile, or where the profiles cannot be read. */
export async function findProfile(name: string, environment: Environment = process.env): Promise<SlurmProfile> {
  const file = profilesFile(environment);
  const inFile = await readFile(file, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return '{}';
    throw error;
  });
  const profiles = { ...checked(inFile, file), ...checked(environment[PROFILES_VARIABLE] ?? '{}', 'the setting mim.slurmProfiles') };
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile !== undefined) return profile;
  const names = Object.keys(profiles);
  throw new UserError('MIM7466', `There is no Slurm profile ${name}.`, names.length === 0 ? `Write it into ${file}: \`${name}: { partition: …, cpus: 4, time: 120 }\`.` : `There are: ${names.join(', ')} (from ${file} and the setting mim.slurmProfiles).`, 2);
}

function checked(text: string, origin: string): Record<string, SlurmProfile> {
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (error) {
    throw damaged(origin, error instanceof Error ? error.message.split('\n', 1)[0]! : String(error));
  }
  const result = profilesSchema.safeParse(value);
  if (!result.success) throw damaged(origin, faultIn(result.error));
  return result.data;
}

function faultIn(error: z.ZodError): string {
  const issue = error.issues[0]!;
  return `${issue.path.join('.') || 'the whole'}: ${issue.message}`;
}

function damaged(origin: string, fault: string): UserError {
  return new UserError('MIM7466', `The Slurm profiles of ${origin} cannot be used: ${fault}.`, 'A profile is a name with the keys of `launcher` in docs/config.md: `gpu: { partition: gpu, gres: gpu:1 }`.', 2);
}
