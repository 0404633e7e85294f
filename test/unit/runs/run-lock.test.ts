import type * as FsPromises from 'node:fs/promises';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { thisProcess } from '../../../extension/core/runs/processes';
import { acquireLock } from '../../../extension/core/runs/run-lock';

/** A file system without hard links. */
vi.mock('node:fs/promises', async (importOriginal) => ({
  ...(await importOriginal<typeof FsPromises>()),
  link: () => Promise.reject(Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' })),
}));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const acquire = (): ReturnType<typeof acquireLock> => acquireLock(path.join(folder, 'lock'), path.join(folder, 'heartbeat'));

describe('where there are no hard links, the lock', () => {
  it('is taken, refused to a second, and given back', async () => {
    const unlock = await acquire();
    await expect(acquire()).rejects.toMatchObject({ code: 'MIM7101' });
    await unlock();
    expect(await readdir(folder)).toEqual([]);
  });

  it.each(['', '{"pid":'])('that holds %j is being written, and counts until it is old', async (content) => {
    const lock = path.join(folder, 'lock');
    await writeFile(lock, content);
    await expect(acquire()).rejects.toMatchObject({ code: 'MIM7101', hint: expect.stringContaining(lock) as unknown });
    expect(await readFile(lock, 'utf8')).toBe(content);
    await utimes(lock, 0, 0);
    await (await acquire())();
  });

  it('of a process that is gone goes to one of many', async () => {
    await writeFile(path.join(folder, 'lock'), JSON.stringify({ ...(await thisProcess()), pid: 2 ** 22 + 1 }));
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, acquire));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('of a process on another host, the lock', () => {
  it('counts as soon as it is taken, before its owner has beaten, and no longer than that without a beat', async () => {
    const [lock, heartbeat] = [path.join(folder, 'lock'), path.join(folder, 'heartbeat')];
    await writeFile(lock, JSON.stringify({ ...(await thisProcess()), host: 'elsewhere' }));
    await writeFile(heartbeat, 'of an owner before');
    await utimes(heartbeat, 0, 0);
    await expect(acquire()).rejects.toMatchObject({ code: 'MIM7101' });
    await utimes(lock, 0, 0);
    await writeFile(heartbeat, 'beats');
    await expect(acquire()).rejects.toMatchObject({ code: 'MIM7101' });
    await utimes(heartbeat, 0, 0);
    await (await acquire())();
  });
});
