import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { writeSafetensors } from '../../../extension/core/checkpoints/safetensors';
import type { FromCheckpoint, ToCheckpoint } from '../../../extension/core/protocol/checkpoint';
import { float32 } from '../../../extension/core/tensors';
import { CheckpointSession } from '../../../extension/ui/checkpoint/session';

let folder: string;
let file: string;
let other: string;
let said: ToCheckpoint[];
let say: (message: FromCheckpoint) => void;
let session: CheckpointSession;
let asked: () => Promise<string | undefined>;
const log = vi.fn();

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-session-'));
  file = path.join(folder, 'model.safetensors');
  other = path.join(folder, 'other.safetensors');
  await writeSafetensors(file, { a: float32([2], Float32Array.of(3, 4)), b: float32([1]) });
  await writeSafetensors(other, { a: float32([2], Float32Array.of(3, 7)) });
  said = [];
  asked = () => Promise.resolve(undefined);
  log.mockClear();
  session = open();
});
afterEach(async () => {
  session.dispose();
  await rm(folder, { recursive: true, force: true });
});

function open(): CheckpointSession {
  return new CheckpointSession({
    file,
    channel: {
      send: (message) => said.push(structuredClone(message)),
      listen: (listener) => {
        say = listener;
        return () => (say = () => undefined);
      },
    },
    askForOther: () => asked(),
    log,
  });
}

const heard = (type: ToCheckpoint['type'], count = 1) => vi.waitFor(() => {
  const found = said.filter((message) => message.type === type);
  expect(found.length).toBeGreaterThanOrEqual(count);
  return found;
});

it('a page that is ready is told the header, each time anew', async () => {
  say({ type: 'ready' });
  expect((await heard('header'))[0]).toMatchObject({ file, elements: 3 });
  await writeSafetensors(file, { c: float32([5]) });
  say({ type: 'ready' });
  expect((await heard('header', 2))[1]).toMatchObject({ elements: 5, tensors: [{ name: 'c' }] });
});

it('a tensor is described when it is asked for, and not before', async () => {
  say({ type: 'ready' });
  await heard('header');
  expect(said.some(({ type }) => type === 'detail')).toBe(false);
  say({ type: 'detail', name: 'a' });
  expect((await heard('detail'))[0]).toMatchObject({ detail: { name: 'a', max: 4 } });
});

it('of two tensors asked for at once only the second is described', async () => {
  say({ type: 'detail', name: 'a' });
  say({ type: 'detail', name: 'b' });
  expect(await heard('detail')).toMatchObject([{ detail: { name: 'b' } }]);
});

it('a scan describes every tensor in order and says when it is done', async () => {
  say({ type: 'scan', names: ['b', 'gone', 'a'] });
  await heard('scanned');
  expect(said).toMatchObject([{ detail: { name: 'b' } }, { type: 'problem', about: { tensor: 'gone' } }, { detail: { name: 'a' } }, { type: 'scanned' }]);
});

it('a scan that is stopped describes nothing more', async () => {
  say({ type: 'scan', names: ['a', 'b'] });
  say({ type: 'stop-scanning' });
  say({ type: 'detail', name: 'b' });
  await heard('detail');
  expect(said).toMatchObject([{ type: 'scanned' }, { detail: { name: 'b' } }]);
});

it('a comparison ends with every change', async () => {
  say({ type: 'compare', file: other });
  await vi.waitFor(() => expect(said.at(-1)).toMatchObject({ type: 'changes', done: true }));
  expect(said.at(-1)).toMatchObject({ other, changes: [{ name: 'a', relative: 0.6 }, { name: 'b', note: 'only here' }] });
});

it('the file to compare with is asked for; declining changes nothing', async () => {
  say({ type: 'compare' });
  asked = () => Promise.resolve(other);
  await Promise.resolve();
  expect(said).toEqual([]);
  say({ type: 'compare' });
  await heard('changes');
});

it('a comparison begun by a command waits for the page, and outlives its reload', async () => {
  session.compareWith(other);
  expect(said).toEqual([]);
  say({ type: 'ready', compareWith: 'an older one' });
  expect((await heard('changes'))[0]).toMatchObject({ other });
  said = [];
  say({ type: 'ready' });
  expect((await heard('changes'))[0]).toMatchObject({ other });
  said = [];
  say({ type: 'stop-comparing' });
  say({ type: 'ready' });
  await heard('header');
  expect(said.some(({ type }) => type === 'changes')).toBe(false);
});

it('after the window was reloaded the page knows what was compared', async () => {
  say({ type: 'ready', compareWith: other });
  expect((await heard('changes'))[0]).toMatchObject({ other });
});

it.each([
  ['deleted', () => rm(file), 'does not exist'],
  ['no checkpoint', () => writeFile(file, 'hello, world'), 'not a valid safetensors file'],
  ['empty', () => writeFile(file, ''), 'not a valid safetensors file'],
  ['a zip archive', () => writeFile(file, 'PK\u0003\u0004 and so on'), 'not a valid'],
])('a file that is %s is told in a sentence with what to do', async (_what, spoil, words) => {
  await spoil();
  say({ type: 'ready' });
  const [problem] = (await heard('problem')) as Extract<ToCheckpoint, { type: 'problem' }>[];
  expect(problem!.text).toContain(words);
  expect(problem!.text).toMatch(/\. [A-Z].*\(MIM\d{4}\)$/);
  expect(log).not.toHaveBeenCalled();
});

it('a comparison with what is no checkpoint is told, and not tried again', async () => {
  await writeFile(other, 'hello, world');
  say({ type: 'compare', file: other });
  expect((await heard('problem'))[0]).toMatchObject({ about: 'comparison' });
  said = [];
  say({ type: 'ready' });
  await heard('header');
  expect(said.map(({ type }) => type)).toEqual(['header']);
});

it('a closed editor says nothing more', async () => {
  say({ type: 'detail', name: 'a' });
  session.dispose();
  const second = open();
  say({ type: 'ready' });
  await heard('header');
  expect(said.some(({ type }) => type === 'detail')).toBe(false);
  second.dispose();
});
