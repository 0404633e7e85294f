/** Weights that an experiment names by `hf://`, as a file: from the cache, or downloaded into it. */
import { UserError } from '../problems';
import { bytes } from '../text/format';
import { HubCache } from './cache';
import { HubClient, HubUnreachable, type HubRevision } from './client';
import { downloadBlob } from './download-blob';
import type { DownloadProgress } from './progress';
import { isHubReference, isPlainPath, parseHubReference, type HubReference } from './reference';
import { hubSettings, type HubSettings } from './settings';

export interface FetchOptions {
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** What the person who waits should know. */
  readonly onMessage?: (line: string) => void;
  /** Default: those of the environment. */
  readonly settings?: HubSettings;
}

/** Say what the tensors do not: heads, epsilon, normalisation; see hub-config.ts. */
const COMPANIONS = ['config.json', 'preprocessor_config.json'];
const COMMIT = /^[0-9a-f]{40}$/;

/**
 * A path as it is; of an `hf://` reference the path of its file in the cache, `…/snapshots/<commit>/<file>`. A commit that is
 * cached is not asked for; of a branch or a tag, the cached commit serves where nothing answers.
 *
 * @throws UserError MIM1207 (no reference), MIM3101 (not reached), MIM3102 (not allowed), MIM3103 (not there), MIM3104 (which file?),
 *   MIM3105 (damaged on the way), MIM3106 (offline and not cached), MIM3107 (refused), MIM7001 (disk full)
 */
export async function localWeights(given: string, options: FetchOptions = {}): Promise<string> {
  if (!isHubReference(given)) return given;
  const reference = parseHubReference(given);
  const settings = options.settings ?? (await hubSettings());
  const cache = new HubCache(settings.cache, reference.repository);
  if (settings.offline || COMMIT.test(reference.revision)) {
    const cached = await findCached(cache, reference);
    if (cached !== undefined) return cached;
    if (settings.offline) throw new UserError('MIM3106', `${given} is not in the cache ${settings.cache}, and \`HF_HUB_OFFLINE\` is set.`, 'Unset it to download the file, or name one that is there.');
  }
  const client = new HubClient(settings, reference);
  try {
    return await download(reference, await client.revision(), client, cache, settings, options);
  } catch (error) {
    const cached = error instanceof HubUnreachable ? await findCached(cache, reference) : undefined;
    if (cached === undefined) throw error;
    options.onMessage?.(`${settings.endpoint} cannot be reached; ${given} is taken from the cache: ${cached}`);
    return cached;
  }
}

async function findCached(cache: HubCache, reference: HubReference): Promise<string | undefined> {
  const commit = await cache.commitOf(reference.revision);
  if (commit === undefined) return undefined;
  const file = reference.file ?? onlyWeights(await cache.filesOf(commit));
  return file === undefined ? undefined : cache.find(commit, file);
}

async function download(reference: HubReference, { commit, files }: HubRevision, client: HubClient, cache: HubCache, settings: HubSettings, { onProgress, onMessage }: FetchOptions): Promise<string> {
  const wanted = chosenFile(reference, files);
  const folder = wanted.slice(0, wanted.lastIndexOf('/') + 1);
  const companions = COMPANIONS.map((name) => `${folder}${name}`).filter((name) => files.includes(name));
  // The weights last: where they are, their companions are.
  for (const path of [...companions, wanted]) {
    if ((await cache.find(commit, path)) !== undefined) continue;
    const found = await client.file(commit, path);
    const blob = await cache.blob(found.etag);
    if (path === wanted) onMessage?.(`Downloading ${reference.repository}/${path} (${bytes(found.bytes)}) to ${settings.cache}`);
    const tell = (received: number): void => onProgress?.({ file: `${reference.repository}/${path}`, received, total: found.bytes });
    await downloadBlob(blob, { ...found, client, settings, commit, path, ...(path === wanted && { onProgress: tell }) });
    await cache.place(commit, path, blob);
  }
  await cache.rememberCommit(reference.revision, commit);
  return (await cache.find(commit, wanted))!;
}

/** @throws UserError MIM3103, MIM3104 */
function chosenFile({ repository, revision, file }: HubReference, files: readonly string[]): string {
  if (file !== undefined) {
    if (files.includes(file)) return file;
    throw new UserError('MIM3103', `${repository} has no file ${file} at revision ${revision}.`, `It has ${listed(files)}.`);
  }
  const only = onlyWeights(files);
  if (only !== undefined) return only;
  const safetensors = files.filter(isSafetensors);
  if (safetensors.length > 0) throw new UserError('MIM3104', `${repository} has several .safetensors files: ${listed(safetensors)}.`, `Name the one that is meant: hf://${repository}/${safetensors[0]}. A model in parts (…-00001-of-…) is not read.`);
  const others = files.filter((name) => /\.(bin|pth|pt)$/i.test(name));
  throw new UserError('MIM3104', `${repository} has no .safetensors file.`, others.length > 0 ? `A PyTorch file is read where it is named: hf://${repository}/${others[0]}.` : `It has ${listed(files)}.`);
}

/** `model.safetensors`, or the only .safetensors there is. */
function onlyWeights(files: readonly string[]): string | undefined {
  if (files.includes('model.safetensors')) return 'model.safetensors';
  const all = files.filter(isSafetensors);
  return all.length === 1 && !/-\d{5}-of-\d{5}\./.test(all[0]!) ? all[0] : undefined;
}

function isSafetensors(name: string): boolean {
  return name.endsWith('.safetensors') && isPlainPath(name);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'no files' : `${names.slice(0, 6).join(', ')}${names.length > 6 ? ', …' : ''}`;
}
