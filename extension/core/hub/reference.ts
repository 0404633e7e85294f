/** `hf://owner/name[@revision][/file]`: weights in a repository of models on the Hugging Face Hub. */
import { UserError } from '../problems';

export interface HubReference {
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, a tag or a commit; `main` where none was written. */
  readonly revision: string;
  /** Path in the repository; absent where the weights are to be found there. */
  readonly file?: string;
}

const SCHEME = 'hf://';
const FORM = /^hf:\/\/([\w.-]+\/[\w.-]+)(?:@(refs\/(?:pr|convert)\/[\w.-]+|[\w.%+-]+))?(?:\/(.+))?$/;
const WEIGHTS = /\.(safetensors|bin|pth|pt)$/i;

export function isHubReference(text: string): boolean {
  return text.startsWith(SCHEME);
}

/** @throws UserError MIM1207 where it is not of the form */
export function parseHubReference(text: string): HubReference {
  const [, repository, revision, file] = FORM.exec(text) ?? [];
  const form = 'Write `hf://owner/name`, with `@revision` and `/file.safetensors` where they are needed, such as `hf://timm/vit_base_patch16_224.dino`.';
  if (repository === undefined) throw new UserError('MIM1207', `${text} does not name a repository of the Hub.`, form, 2);
  if (file !== undefined && (!isPlainPath(file) || !WEIGHTS.test(file))) throw new UserError('MIM1207', `${text} does not name a file of weights: ${file}.`, 'Name a .safetensors file of the repository (.bin, .pth and .pt are read too), or leave it out.', 2);
  return { repository, revision: decoded(revision ?? 'main'), ...(file !== undefined && { file }) };
}

export function writeHubReference({ repository, revision, file }: HubReference): string {
  return `${SCHEME}${repository}${revision === 'main' ? '' : `@${/^refs\//.test(revision) ? revision : encodeURIComponent(revision)}`}${file === undefined ? '' : `/${file}`}`;
}

/** Leads nowhere but below where it begins. */
export function isPlainPath(file: string): boolean {
  return !file.includes('\\') && file.split('/').every((step) => step !== '' && step !== '.' && step !== '..');
}

/** A slash in a branch's name is written `%2F`, as other tools of the Hub do. */
function decoded(revision: string): string {
  try {
    return decodeURIComponent(revision);
  } catch {
    return revision;
  }
}
