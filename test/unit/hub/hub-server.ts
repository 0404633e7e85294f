/**
 * A server on this machine that speaks as the Hub does to whoever reads models: `/api/models/…/revision/…`, `/…/resolve/…` with
 * ranges, `X-Linked-Etag` of large files behind a redirect to another host, and its refusals.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HubSettings } from '../../../extension/core/hub/settings';

export const COMMIT = 'c0ffee0000000000000000000000000000000001';

export interface ServedRequest {
  readonly host: 'hub' | 'store';
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

interface Misbehaviour {
  /** Bytes of a weight file after which its connection is cut, one entry a request. */
  cuts: number[];
  /** Sends other bytes than the etag names. */
  corrupt: boolean;
  /** Answers ranges of content with the whole. */
  ignoresRanges: boolean;
  /** The connection stays open and nothing comes. */
  silent: boolean;
  /** Refuses everything: status and `X-Error-Code`. */
  refuses: { readonly status: number; readonly code?: string } | undefined;
  /** Answers every question with a page. */
  page: string | undefined;
}

export class HubServer {
  readonly requests: ServedRequest[] = [];
  readonly misbehaves: Misbehaviour = { cuts: [], corrupt: false, ignoresRanges: false, silent: false, refuses: undefined, page: undefined };
  commit = COMMIT;
  private readonly hub: Server;
  private readonly store: Server;

  /** @param files by path; `.safetensors` are large files */
  constructor(
    readonly repository: string,
    readonly files: Map<string, Buffer>,
  ) {
    this.hub = createServer((request, response) => this.answer(request, response));
    this.store = createServer((request, response) => this.send(request, response, 'store', decodeURIComponent(request.url!.slice(1))));
  }

  async listen(): Promise<void> {
    for (const server of [this.hub, this.store]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    for (const server of [this.hub, this.store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  settings(cache: string, changes: Partial<HubSettings> = {}): HubSettings {
    return { endpoint: address(this.hub), cache, token: undefined, offline: false, answerMs: 2000, stallMs: 500, retryMs: 1, ...changes };
  }

  get address(): string {
    return address(this.hub);
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url!, 'http://hub');
    const { refuses, page, silent } = this.misbehaves;
    this.note(request, 'hub', pathname);
    if (silent) return;
    if (page !== undefined) return void response.end(page);
    if (refuses) return this.refuse(response, refuses.status, refuses.code);
    const asked = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(pathname);
    if (asked) return this.describe(response, asked[1]!, decodeURIComponent(asked[2]!));
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname);
    if (!file || file[1] !== this.repository) return this.refuse(response, 401, 'RepoNotFound');
    const path = decodeURIComponent(file[3]!);
    if (!this.files.has(path)) return this.refuse(response, 404, 'EntryNotFound');
    response.setHeader('X-Repo-Commit', this.commit);
    if (!path.endsWith('.safetensors')) return this.send(request, response, 'hub', path);
    response.setHeader('X-Linked-Etag', `"${etagOf(path, this.files.get(path)!)}"`);
    if (request.headers.range === 'bytes=0-0') return this.send(request, response, 'hub', path);
    response.writeHead(302, { Location: `${address(this.store)}/${encodeURIComponent(path)}` }).end();
  }

  private describe(response: ServerResponse, repository: string, revision: string): void {
    if (repository !== this.repository) return this.refuse(response, 401, 'RepoNotFound');
    if (!['main', 'v1', this.commit].includes(revision)) return this.refuse(response, 404, 'RevisionNotFound');
    const siblings = [...this.files.keys()].map((rfilename) => ({ rfilename }));
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ _id: '1', id: repository, sha: this.commit, siblings, lastModified: '2026-01-01T00:00:00Z', private: false, gated: false, downloads: 0, likes: 0 }));
  }

  private send(request: IncomingMessage, response: ServerResponse, host: 'hub' | 'store', path: string): void {
    if (host === 'store') this.note(request, host, path);
    const content = this.files.get(path)!;
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const isProbe = request.headers.range === 'bytes=0-0';
    const from = range && (isProbe || !this.misbehaves.ignoresRanges) ? Number(range[1]) : 0;
    if (from >= content.byteLength && from > 0) return void response.writeHead(416).end();
    const to = range?.[2] ? Number(range[2]) + 1 : content.byteLength;
    const piece = Buffer.from(content.subarray(from, to));
    if (this.misbehaves.corrupt && !isProbe) piece[piece.byteLength - 1]! ^= 1;
    const status = range && (isProbe || !this.misbehaves.ignoresRanges) ? 206 : 200;
    response.writeHead(status, { ETag: `"${etagOf(path, content)}"`, 'Content-Length': piece.byteLength, ...(status === 206 && { 'Content-Range': `bytes ${from}-${to - 1}/${content.byteLength}` }) });
    const cut = isProbe || !path.endsWith('.safetensors') ? undefined : this.misbehaves.cuts.shift();
    if (cut === undefined) response.end(piece);
    else response.write(piece.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
  }

  private refuse(response: ServerResponse, status: number, code?: string): void {
    response.writeHead(status, { 'Content-Type': 'application/json', ...(code !== undefined && { 'X-Error-Code': code }) }).end(JSON.stringify({ error: 'no' }));
  }

  private note({ headers }: IncomingMessage, host: 'hub' | 'store', path: string): void {
    this.requests.push({ host, path, range: headers.range, authorization: headers.authorization });
  }
}

function address(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** As git names blobs, and git LFS its objects. */
export function etagOf(path: string, content: Buffer): string {
  return path.endsWith('.safetensors') ? createHash('sha256').update(content).digest('hex') : createHash('sha1').update(`blob ${content.byteLength}\0`).update(content).digest('hex');
}
