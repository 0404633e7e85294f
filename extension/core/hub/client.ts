/** What is asked of the Hub, and what its refusals mean. */
import { fileDownloadInfo, modelInfo } from '@huggingface/hub';
import { UserError } from '../problems';
import type { HubReference } from './reference';
import type { HubSettings } from './settings';

export interface HubRevision {
  /** The commit that the revision is now. */
  readonly commit: string;
  /** Paths of all its files. */
  readonly files: readonly string[];
}

export interface HubFile {
  /** Names the content: its SHA-256 where it is kept as a large file, otherwise its git blob's SHA-1. */
  readonly etag: string;
  readonly bytes: number;
}

/** Nothing answers; what is cached may serve. */
export class HubUnreachable extends UserError {}

export class HubClient {
  constructor(
    private readonly settings: HubSettings,
    private readonly reference: HubReference,
  ) {}

  /** @throws HubUnreachable MIM3101; UserError MIM3102 (not allowed), MIM3103 (not there), MIM3107 (any other refusal) */
  async revision(): Promise<HubRevision> {
    const { repository, revision } = this.reference;
    const found = await this.understood(() => modelInfo({ name: repository, revision, hubUrl: this.settings.endpoint, additionalFields: ['sha', 'filePaths'], fetch: this.ask }));
    if (!/^[0-9a-f]{7,64}$/.test(found.sha)) throw this.strange(`it names the commit ${JSON.stringify(found.sha)}`);
    return { commit: found.sha, files: found.filePaths };
  }

  /** @throws as {@link revision} */
  async file(commit: string, path: string): Promise<HubFile> {
    const found = await this.understood(() => fileDownloadInfo({ repo: this.reference.repository, revision: commit, path: encodedPath(path), hubUrl: this.settings.endpoint, fetch: this.ask }));
    if (found === null) throw this.absent(path);
    const etag = found.etag.replace(/^W\//, '').replaceAll('"', '');
    if (!/^[\w.-]+$/.test(etag)) throw this.strange(`it names the content of ${path} ${JSON.stringify(found.etag)}`);
    return { etag, bytes: found.size };
  }

  /** The file's bytes from `from` on; the answer is 206, or 200 where it begins at 0 all the same. */
  content(commit: string, path: string, from: number, signal: AbortSignal): Promise<Response> {
    const url = `${this.settings.endpoint}/${this.reference.repository}/resolve/${commit}/${encodedPath(path)}`;
    return this.request(url, { headers: from > 0 ? { Range: `bytes=${from}-` } : {}, signal });
  }

  /** For the library, whose requests are short; it refuses tokens of mirrors, so they are added here. */
  private readonly ask: typeof fetch = (input, init) => this.request(String(input), { ...init, signal: AbortSignal.timeout(this.settings.answerMs) });

  private async request(url: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.settings.token !== undefined) headers.set('Authorization', `Bearer ${this.settings.token}`);
    headers.set('User-Agent', 'mim-lab');
    const response = await fetch(url, { ...init, headers }).catch((error: unknown) => {
      throw this.unreachable(error);
    });
    if (response.ok || response.status === 416) return response;
    await response.body?.cancel();
    throw this.refused(response, url);
  }

  /** The library's own complaints are about answers that no Hub gives. */
  private async understood<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof UserError) throw error;
      if (error instanceof DOMException || (error instanceof TypeError && error.cause !== undefined)) throw this.unreachable(error);
      throw this.strange(error instanceof Error ? error.message : String(error));
    }
  }

  private unreachable(error: unknown): HubUnreachable {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = error instanceof DOMException && error.name === 'TimeoutError' ? `no answer within ${this.settings.answerMs / 1000} s` : describe(cause);
    return new HubUnreachable(
      'MIM3101',
      `${this.settings.endpoint} cannot be reached (${why}), and ${this.reference.repository} is not in the cache.`,
      'Behind a firewall: set `HF_ENDPOINT` to a mirror that can be reached, or download it where there is a network (`hf download`) and copy it into `HF_HUB_CACHE`, or name a local file.',
    );
  }

  private refused(response: Response, url: string): UserError {
    const { repository, revision } = this.reference;
    const code = response.headers.get('X-Error-Code');
    const withToken = this.settings.token === undefined ? 'No token is set: put one into `HF_TOKEN`, or log in with `hf auth login`.' : 'The token in use is not allowed to read it: check its permissions, or that `HF_TOKEN` is the right one.';
    if (code === 'GatedRepo') return new UserError('MIM3102', `${repository} is gated: its authors want their terms accepted first.`, `Accept them at ${this.settings.endpoint}/${repository}. ${withToken}`);
    if (code === 'RevisionNotFound') return new UserError('MIM3103', `${repository} has no revision ${revision}.`, 'Name a branch, a tag or a commit after `@`, or leave it out for `main`.');
    if (code === 'EntryNotFound') return this.absent(url.split('/resolve/')[1] ?? url);
    if (response.status === 404) return new UserError('MIM3103', `${this.settings.endpoint} has no repository of models ${repository}.`, 'Check its owner and name.');
    // The Hub does not tell those who may not know whether a repository exists.
    if (response.status === 401 || response.status === 403) return new UserError('MIM3102', `${this.settings.endpoint} does not show ${repository} (status ${response.status}): it is private or does not exist.`, `Check its owner and name. ${withToken}`);
    const hint = response.status === 429 ? 'Too many requests were made; wait some minutes. With a token more are allowed.' : 'Try again later.';
    return new UserError('MIM3107', `${this.settings.endpoint} refuses ${repository} with status ${response.status}.`, hint);
  }

  private absent(path: string): UserError {
    return new UserError('MIM3103', `${this.reference.repository} has no file ${path} at revision ${this.reference.revision}.`, `See what there is at ${this.settings.endpoint}/${this.reference.repository}/tree/${this.reference.revision}.`);
  }

  private strange(how: string): UserError {
    return new UserError('MIM3107', `${this.settings.endpoint} does not answer as the Hub does: ${how}.`, 'Check `HF_ENDPOINT`; a login page of the network may answer in its place.');
  }
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
}

function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
