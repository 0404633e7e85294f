import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { MetricRecord } from '../../../extension/core/runs/metrics-file';
import { MetricsTail } from '../../../extension/core/series/metrics-tail';

let folder: string;
let file: string;
let tail: MetricsTail;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-tail-'));
  file = path.join(folder, 'metrics.jsonl');
  tail = new MetricsTail(file);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function readNew(): Promise<{ restarted: boolean; records: MetricRecord[] }> {
  const news = { restarted: false, records: [] as MetricRecord[] };
  await tail.readInto({ restart: () => void (news.restarted = true), add: (records) => void news.records.push(...records) });
  return news;
}

const steps = async (): Promise<unknown[]> => (await readNew()).records.map(({ step }) => step);

it('each record is handed over once', async () => {
  expect(await steps()).toEqual([]);
  await writeFile(file, '{"step":1}\n{"step":2}\n');
  expect(await steps()).toEqual([1, 2]);
  expect(await steps()).toEqual([]);
  await appendFile(file, '{"step":3}\n');
  expect(await steps()).toEqual([3]);
});

it('a torn last line waits until it is whole', async () => {
  await writeFile(file, '{"step":1}\n{"st');
  expect(await steps()).toEqual([1]);
  await appendFile(file, 'ep":2}\n');
  expect(await steps()).toEqual([2]);
});

it('a character cut in two is put together', async () => {
  const line = Buffer.from('{"step":"é"}\n');
  await writeFile(file, line.subarray(0, 10));
  expect(await steps()).toEqual([]);
  await appendFile(file, line.subarray(10));
  expect(await steps()).toEqual(['é']);
});

it('a rewritten file is read from the start, and said to be', async () => {
  await writeFile(file, '{"step":1}\n{"step":2}\n');
  expect(await readNew()).toMatchObject({ restarted: false });
  await writeFile(`${file}.new`, '{"step":1}\n{"step":2}\n{"step":3}\n');
  await rename(`${file}.new`, file);
  expect(await readNew()).toEqual({ restarted: true, records: [{ step: 1 }, { step: 2 }, { step: 3 }] });
  await writeFile(file, '{"step":1}\n');
  expect(await readNew()).toEqual({ restarted: true, records: [{ step: 1 }] });
  await rm(file);
  expect(await readNew()).toEqual({ restarted: true, records: [] });
});

it('more than one piece, and lines longer than one, come whole', async () => {
  const long = 'x'.repeat(2_500_000);
  const lines = Array.from({ length: 50_000 }, (_, step) => JSON.stringify({ step, pad: 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy' }));
  await writeFile(file, `${lines.join('\n')}\n${JSON.stringify({ step: -1, long })}\n{"step":-2}\n`);
  const { records } = await readNew();
  expect(records).toHaveLength(50_002);
  expect(records.at(-2)).toEqual({ step: -1, long });
  expect(records.at(-1)).toEqual({ step: -2 });
});

it('lines that are no records are skipped', async () => {
  await writeFile(file, '{"step":1}\n\u0000\u0000\n[1]\n{"step":2}\n');
  expect(await steps()).toEqual([1, 2]);
});
