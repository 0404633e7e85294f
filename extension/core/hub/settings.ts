/** The settings of the Hugging Face Hub, by the environment variables that its own tools read. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

export interface HubSettings {
  /** `HF_ENDPOINT`, without a slash at its end. */
  readonly endpoint: string;
  /** `HF_HUB_CACHE`, or `hub` in `HF_HOME`. */
  readonly cache: string;
  /** `HF_TOKEN`, or what `huggingface-cli login` left. */
  readonly token: string | undefined;
  /** `HF_HUB_OFFLINE`: what is cached is used, and nothing is asked. */
  readonly offline: boolean;
  /** Until an answer begins, `HF_HUB_ETAG_TIMEOUT`. */
  readonly answerMs: number;
  /** Until more of a file comes, `HF_HUB_DOWNLOAD_TIMEOUT`. */
  readonly stallMs: number;
  /** Before a download that was cut goes on; twice as long after each try that brought nothing. */
  readonly retryMs: number;
}

type Variables = Readonly<Record<string, string | undefined>>;

export async function hubSettings(variables: Variables = process.env): Promise<HubSettings> {
  const home = expanded(variables['HF_HOME'] ?? path.join(variables['XDG_CACHE_HOME'] ?? '~/.cache', 'huggingface'));
  return {
    endpoint: (variables['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, ''),
    cache: expanded(variables['HF_HUB_CACHE'] ?? variables['HUGGINGFACE_HUB_CACHE'] ?? path.join(home, 'hub')),
    token: await tokenOf(variables, home),
    offline: isOn(variables['HF_HUB_OFFLINE']),
    answerMs: seconds(variables['HF_HUB_ETAG_TIMEOUT']),
    stallMs: seconds(variables['HF_HUB_DOWNLOAD_TIMEOUT']),
    retryMs: 1000,
  };
}

async function tokenOf(variables: Variables, home: string): Promise<string | undefined> {
  const given = variables['HF_TOKEN'] ?? variables['HUGGING_FACE_HUB_TOKEN'];
  if (given?.trim()) return given.trim();
  if (isOn(variables['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return undefined;
  const file = expanded(variables['HF_TOKEN_PATH'] ?? path.join(home, 'token'));
  const kept = await readFile(file, 'utf8').catch(() => '');
  return kept.trim() || undefined;
}

function isOn(value: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(value ?? '');
}

function seconds(value: string | undefined): number {
  const given = Number(value);
  return (given > 0 ? given : 10) * 1000;
}

function expanded(folder: string): string {
  return folder === '~' || folder.startsWith('~/') ? path.join(homedir(), folder.slice(1)) : path.resolve(folder);
}
