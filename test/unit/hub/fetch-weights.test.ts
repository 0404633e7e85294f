import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localWeights } from '../../../extension/core/hub/fetch-weights';
import type { DownloadProgress } from '../../../extension/core/hub/progress';
import { hubSettings } from '../../../extension/core/hub/settings';
import { COMMIT, etagOf, HubServer } from './hub-server';

const weights = randomBytes(300_000);
const config = Buffer.from('{"hidden_size": 12}');
const reference = 'hf://lab/vit';

let folder: string;
let server: HubServer;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-hub-'));
  server = new HubServer('lab/vit', new Map([['README.md', Buffer.from('x')], ['config.json', config], ['model.safetensors', weights]]));
  await server.listen();
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const get = (given = reference, changes: Parameters<HubServer['settings']>[1] = {}, more: Omit<Parameters<typeof localWeights>[1] & object, 'settings'> = {}) =>
  localWeights(given, { settings: server.settings(folder, changes), ...more });
const inRepository = (...names: string[]) => path.join(folder, 'models--lab--vit', ...names);
const contentRequests = () => server.requests.filter(({ host }) => host === 'store');
const blobs = () => readdir(inRepository('blobs'));

describe('weights on the Hub', () => {
  it('are laid into the cache as the Hub’s own tools lay them, with what describes them', async () => {
    const file = await get();
    expect(file).toBe(inRepository('snapshots', COMMIT, 'model.safetensors'));
    expect(await readFile(file)).toEqual(weights);
    expect(await readlink(file)).toBe(path.join('..', '..', 'blobs', etagOf('model.safetensors', weights)));
    expect(await readFile(inRepository('snapshots', COMMIT, 'config.json'))).toEqual(config);
    expect(await readFile(inRepository('refs', 'main'), 'utf8')).toBe(COMMIT);
    expect((await blobs()).sort()).toEqual([etagOf('config.json', config), etagOf('model.safetensors', weights)].sort());
  });

  it('are downloaded once: the next time only the commit is asked for', async () => {
    await get();
    server.requests.length = 0;
    await get();
    expect(server.requests.map(({ path: asked }) => asked)).toEqual(['/api/models/lab/vit/revision/main']);
  });

  it('are not asked for at all where a commit is named that is cached', async () => {
    const file = await get();
    server.requests.length = 0;
    expect(await get(`hf://lab/vit@${COMMIT}/model.safetensors`)).toBe(file);
    expect(server.requests).toEqual([]);
  });

  it('of a new commit take the place of the old for the branch, and the old stay', async () => {
    const old = await get();
    server.commit = 'c0ffee0000000000000000000000000000000002';
    server.files.set('model.safetensors', Buffer.from('newer'));
    const file = await get();
    expect([await readFile(file, 'utf8'), await readFile(old)]).toEqual(['newer', weights]);
    expect(await readFile(inRepository('refs', 'main'), 'utf8')).toBe(server.commit);
  });

  it('that another repository’s folder holds come with the config beside them', async () => {
    server.files.set('vision/model.safetensors', Buffer.from('deep')).set('vision/config.json', Buffer.from('{}'));
    const file = await get('hf://lab/vit@v1/vision/model.safetensors');
    expect(await readFile(file, 'utf8')).toBe('deep');
    expect(await readFile(path.join(path.dirname(file), 'config.json'), 'utf8')).toBe('{}');
  });

  it('use what the Hub’s own tools have cached', async () => {
    await mkdir(inRepository('refs'), { recursive: true });
    await mkdir(inRepository('snapshots', COMMIT), { recursive: true });
    await writeFile(inRepository('refs', 'main'), COMMIT);
    await writeFile(inRepository('snapshots', COMMIT, 'model.safetensors'), 'theirs');
    expect(await readFile(await get(reference, { offline: true }), 'utf8')).toBe('theirs');
    expect(server.requests).toEqual([]);
  });

  it('are told about while they come', async () => {
    const told: DownloadProgress[] = [];
    const lines: string[] = [];
    await get(reference, {}, { onProgress: (progress) => told.push(progress), onMessage: (line) => lines.push(line) });
    expect(told.at(-1)).toEqual({ file: 'lab/vit/model.safetensors', received: weights.byteLength, total: weights.byteLength });
    expect(told.every(({ received }, i) => i === 0 || received > told[i - 1]!.received)).toBe(true);
    expect(lines).toEqual([`Downloading lab/vit/model.safetensors (300.0 kB) to ${folder}`]);
  });

  it('leave paths on this machine alone', async () => {
    expect(await localWeights('/runs/a')).toBe('/runs/a');
  });
});

describe('a connection that is cut', () => {
  it('goes on where it was, without the bytes that are there', async () => {
    server.misbehaves.cuts = [100_000, 50_000];
    expect(await readFile(await get())).toEqual(weights);
    expect(contentRequests().map(({ range }) => range)).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
  });

  it('for good fails with how far it came, and the next process goes on from there', async () => {
    server.misbehaves.cuts = [200_000, 0, 0, 0, 0, 0];
    await expect(get()).rejects.toMatchObject({ code: 'MIM3101', message: expect.stringContaining('200,000 of 300,000 bytes') });
    server.misbehaves.cuts = [];
    server.requests.length = 0;
    expect(await readFile(await get())).toEqual(weights);
    expect(contentRequests().map(({ range }) => range)).toEqual(['bytes=200000-']);
    expect((await blobs()).some((name) => name.includes('incomplete') || name.includes('lock'))).toBe(false);
  });

  it('begins anew where the server does not know ranges', async () => {
    server.misbehaves.cuts = [100_000];
    server.misbehaves.ignoresRanges = true;
    expect(await readFile(await get())).toEqual(weights);
  });

  it('leaves nothing that could be taken for the file', async () => {
    server.misbehaves.cuts = Array<number>(6).fill(0);
    await expect(get()).rejects.toMatchObject({ code: 'MIM3101' });
    await expect(get(reference, { offline: true })).rejects.toMatchObject({ code: 'MIM3106' });
  });

  it('is repaired where what lies there is longer than the file', async () => {
    await mkdir(inRepository('blobs'), { recursive: true });
    await writeFile(`${inRepository('blobs', etagOf('model.safetensors', weights))}.mim-incomplete`, Buffer.alloc(400_000));
    expect(await readFile(await get())).toEqual(weights);
  });

  it('that changed bytes on the way is refused, and nothing of it stays', async () => {
    server.misbehaves.corrupt = true;
    server.files.delete('config.json');
    await expect(get()).rejects.toMatchObject({ code: 'MIM3105' });
    expect(await blobs()).toEqual([]);
    server.misbehaves.corrupt = false;
    expect(await readFile(await get())).toEqual(weights);
  });
});

describe('several at once', () => {
  it('download once, and all have the file', async () => {
    const files = await Promise.all(Array.from({ length: 4 }, () => get()));
    for (const file of files) expect(await readFile(file)).toEqual(weights);
    expect(contentRequests()).toHaveLength(1);
  });

  it('take over from one that died', async () => {
    const blob = inRepository('blobs', etagOf('model.safetensors', weights));
    await mkdir(path.dirname(blob), { recursive: true });
    await writeFile(`${blob}.mim-incomplete`, weights.subarray(0, 120_000));
    await writeFile(`${blob}.mim-lock`, JSON.stringify({ pid: 2 ** 22 - 1, host: os.hostname(), processStart: '1' }));
    expect(await readFile(await get())).toEqual(weights);
    expect(contentRequests().map(({ range }) => range)).toEqual(['bytes=120000-']);
  });
});

describe('without a network', () => {
  it('what is cached is used, and that is said', async () => {
    const file = await get();
    const lines: string[] = [];
    await server.close();
    expect(await localWeights(reference, { settings: { ...server.settings, ...(await settingsOf('http://127.0.0.1:9')) }, onMessage: (line) => lines.push(line) })).toBe(file);
    expect(lines[0]).toContain('is taken from the cache');
  });

  it('what is not cached is told with what to do', async () => {
    await expect(localWeights(reference, { settings: await settingsOf('http://127.0.0.1:9') })).rejects.toMatchObject({ code: 'MIM3101', hint: expect.stringContaining('HF_ENDPOINT') });
  });

  it('a firewall that swallows everything ends after the time that is set', async () => {
    server.misbehaves.silent = true;
    await expect(get(reference, { answerMs: 100 })).rejects.toMatchObject({ code: 'MIM3101', message: expect.stringContaining('no answer within 0.1 s') });
  });

  it('HF_HUB_OFFLINE asks nobody', async () => {
    await expect(get(reference, { offline: true })).rejects.toMatchObject({ code: 'MIM3106' });
    expect(server.requests).toEqual([]);
  });

  const settingsOf = async (endpoint: string) => ({ ...(await hubSettings({})), endpoint, cache: folder, token: undefined, answerMs: 1000 });
});

describe('a refusal', () => {
  it.each([
    [{ status: 401, code: 'GatedRepo' }, 'MIM3102', 'gated'],
    [{ status: 403, code: 'GatedRepo' }, 'MIM3102', 'gated'],
    [{ status: 401, code: 'RepoNotFound' }, 'MIM3102', 'private or does not exist'],
    [{ status: 404 }, 'MIM3103', 'no repository'],
    [{ status: 429 }, 'MIM3107', 'status 429'],
    [{ status: 503 }, 'MIM3107', 'status 503'],
  ])('%j is %s', async (refuses, code, words) => {
    server.misbehaves.refuses = refuses;
    await expect(get()).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it('without a token says how to give one, with one that it does not do', async () => {
    server.misbehaves.refuses = { status: 401, code: 'GatedRepo' };
    await expect(get()).rejects.toMatchObject({ hint: expect.stringContaining('`HF_TOKEN`') });
    await expect(get(reference, { token: 'secret' })).rejects.toMatchObject({ hint: expect.stringContaining('not allowed') });
  });

  it.each([
    ['hf://lab/vit@other', 'MIM3103', 'no revision other'],
    ['hf://lab/vit/no.safetensors', 'MIM3103', 'no file no.safetensors'],
    ['hf://lab/none', 'MIM3102', 'lab/none'],
  ])('%s is %s', async (given, code, words) => {
    await expect(get(given)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it('of a login page that answers in its place is told as such', async () => {
    server.misbehaves.page = '<html>Log in</html>';
    await expect(get()).rejects.toMatchObject({ code: 'MIM3107', hint: expect.stringContaining('login page') });
  });

  it('names what there is where no file is the one', async () => {
    server.files.delete('model.safetensors');
    server.files.set('pytorch_model.bin', Buffer.from('x'));
    await expect(get()).rejects.toMatchObject({ code: 'MIM3104', hint: expect.stringContaining('hf://lab/vit/pytorch_model.bin') });
    server.files.set('a.safetensors', weights).set('b.safetensors', weights);
    await expect(get()).rejects.toMatchObject({ code: 'MIM3104', message: expect.stringContaining('a.safetensors, b.safetensors') });
  });
});

describe('the token', () => {
  it('goes to the Hub and not to the host that it sends one on to', async () => {
    await get(reference, { token: 'secret' });
    expect(new Set(server.requests.filter(({ host }) => host === 'hub').map(({ authorization }) => authorization))).toEqual(new Set(['Bearer secret']));
    expect(contentRequests().map(({ authorization }) => authorization)).toEqual([undefined]);
  });
});

describe('the environment', () => {
  it('is read as the Hub’s own tools read it', async () => {
    await writeFile(path.join(folder, 'token'), 'hf_kept\n');
    expect(await hubSettings({ HF_HOME: folder })).toMatchObject({ cache: path.join(folder, 'hub'), token: 'hf_kept', endpoint: 'https://huggingface.co', offline: false, answerMs: 10_000 });
    expect(await hubSettings({ HF_HOME: folder, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toMatchObject({ token: undefined });
    expect(await hubSettings({ HF_HOME: folder, HF_TOKEN: 'hf_a', HF_HUB_CACHE: '/c', HF_ENDPOINT: 'http://mirror/', HF_HUB_OFFLINE: 'True', HF_HUB_DOWNLOAD_TIMEOUT: '3' })).toMatchObject({ token: 'hf_a', cache: '/c', endpoint: 'http://mirror', offline: true, stallMs: 3000 });
    expect(await hubSettings({ XDG_CACHE_HOME: '/x' })).toMatchObject({ cache: path.join('/x', 'huggingface', 'hub') });
  });
});
