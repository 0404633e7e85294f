/** A teacher asked once a view: the numbers do not depend on what was kept, by whom, or how whole it still is. */
import { mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { crc32 } from '../../../extension/core/checkpoints/crc32';
import { floatsToHalves, halvesToFloats } from '../../../extension/core/checkpoints/half';
import { CompiledEngine } from '../../../extension/training/engines/compiled/compiled-engine';
import { pretrain, resume } from '../../../extension/training/pretrain';
import { lookLayout, LookRecords } from '../../../extension/training/teachers/look-record';
import { LookStore } from '../../../extension/training/teachers/look-store';
import { report } from '../config/experiment-of';
import { lossesOf, studentOf } from './run-results';

const IMAGES = 64;
const VIEWS = 2;
const WIDTH = 16;
const PATCHES = 16;

let folder: string;
let configFile: string;
let plainFile: string;
let kept: string;
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-teacher-cache-'));
  const common = ['mim: 1', `data: { kind: shapes, size: ${IMAGES}, image_size: 16 }`, 'student: { patch_size: 4, width: 16, depth: 2, heads: 2 }', 'optimizer: { batch_size: 16, lr: 1e-3 }', 'samples: { count: 0 }', 'engine: { kind: compiled-cpu, threads: 1 }', 'runs: runs'];
  await writeFile(join(folder, 'teacher.mim.yaml'), [...common, 'method: supervised', 'name: teacher', 'schedule: { epochs: 1 }'].join('\n'));
  configFile = join(folder, 'align.mim.yaml');
  plainFile = join(folder, 'plain.mim.yaml');
  const plain = [...common, 'method: maskalign', 'schedule: { epochs: 4 }', 'teacher:', '  checkpoint: runs/teacher'];
  await writeFile(plainFile, plain.join('\n'));
  await writeFile(configFile, [...plain, `  cache: { views: ${VIEWS}, folder: kept }`].join('\n'));
  await pretrain({ configFile: join(folder, 'teacher.mim.yaml') });
  kept = join(folder, 'kept');
});
beforeEach(() => rm(kept, { recursive: true, force: true }));
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = async (overrides: Readonly<Record<string, string>> = {}, { file = configFile, ...options }: { untilEpoch?: number; file?: string } = {}, told: string[] = []): Promise<string> =>
  (await pretrain({ configFile: file, name: `run-${count++}`, overrides, events: { onMessage: (line) => told.push(line) }, ...options })).run;

async function folderOfLooks(): Promise<string> {
  return join(kept, (await readdir(kept))[0]!);
}

const viewFile = async (view: number): Promise<string> => join(await folderOfLooks(), `view-${view}.looks`);

/** Every byte of both views. */
const contents = async (): Promise<Buffer[]> => Promise.all([0, 1].map(async (view) => readFile(await viewFile(view))));

describe('a teacher that is asked once a view', () => {
  // Its views are those of the first epochs where the data's seed is also the training's.
  test.each([1, 2])('trains, in %i micro-batches a step, as one that is asked in every step while the images are the same, but for float16, and keeps every image', async (accumulate) => {
    const inParts = { 'optimizer.accumulate': String(accumulate) };
    const cached = await lossesOf(await run(inParts));
    const asked = await lossesOf(await run(inParts, { file: plainFile }));
    const sameImages = (VIEWS * IMAGES) / 16;
    asked.slice(0, sameImages).forEach((loss, step) => expect(Math.abs(cached[step]! / loss - 1), `loss of step ${step}`).toBeLessThan(3e-4));
    expect(Math.abs(cached.at(-1)! / asked.at(-1)! - 1)).toBeGreaterThan(3e-4);

    expect((await readdir(await folderOfLooks())).toSorted()).toEqual(['looks.json', 'view-0.looks', 'view-1.looks']);
    for (const file of await contents()) for (let i = 0; i < IMAGES; i++) expect(file.readUInt32LE((i * file.length) / IMAGES)).not.toBe(0);
  });

  test('a second run reads what the first one kept and comes to the same bits, as does one that goes on after a pause', async () => {
    const first = await run();
    const before = await contents();
    const second = await run();
    expect(await studentOf(second)).toEqual(await studentOf(first));
    expect(await contents()).toEqual(before);

    await rm(kept, { recursive: true });
    const half = await run({}, { untilEpoch: 1 });
    await resume({ run: half });
    expect(await studentOf(half)).toEqual(await studentOf(first));
    expect(await readdir(kept)).toHaveLength(1);
  });

  test('what is kept is what is learnt from', async () => {
    const first = await studentOf(await run());
    const [before] = await contents();
    // Every feature of the first view turned around, each record with its checksum.
    const turned = Buffer.from(before!);
    const bytes = turned.length / IMAGES;
    const featureBytes = WIDTH * (1 + PATCHES) * 2;
    for (let i = 0; i < IMAGES; i++) {
      const record = turned.subarray(i * bytes, (i + 1) * bytes);
      for (let at = bytes - featureBytes; at < bytes; at += 2) record.writeUInt16LE(floatsToHalves(halvesToFloats(Uint16Array.of(record.readUInt16LE(at))).map((value) => -value))[0]!, at);
      record.writeUInt32LE(crc32(record.subarray(4)), 0);
    }
    await writeFile(await viewFile(0), turned);
    expect(await studentOf(await run())).not.toEqual(first);
  });

  test('where the mask ratio comes to nothing hidden, or begins there, every stage finds what it reads', async () => {
    for (const [from, to] of [['0.75', '0'], ['0', '0.75']] as const) expect(await lossesOf(await run({ 'masking.ratio': from, 'masking.ratio_end': to, 'masking.ratio_stages': '2' }))).toHaveLength(16);
  });

  test('the teacher is kept ready while an epoch may still bring images that earlier ones left out', async () => {
    // 64 images in batches of 12: four are left out of each epoch.
    const compiled = vi.spyOn(CompiledEngine.prototype, 'compile');
    try {
      await run({ 'optimizer.batch_size': '12', 'schedule.epochs': '6' });
      expect(compiled.mock.calls.filter(([{ name }]) => name === 'teacher looks')).toHaveLength(1);
      compiled.mockClear();
      await rm(kept, { recursive: true });
      await run();
      await run();
      // Of the second run everything is there.
      expect(compiled.mock.calls.filter(([{ name }]) => name === 'teacher looks')).toHaveLength(1);
    } finally {
      compiled.mockRestore();
    }
  });

  test('two runs at the same time share it', async () => {
    const [a, b] = await Promise.all([run(), run()]);
    expect(await studentOf(a)).toEqual(await studentOf(b));
    expect(await readdir(kept)).toHaveLength(1);
  });

  test('damaged and half-written records are made again', async () => {
    const first = await run();
    const before = await contents();
    const file = await open(await viewFile(1), 'r+');
    await file.write(Buffer.from([1, 2, 3, 4]), 0, 4, 40);
    await file.truncate(before[1]!.length - 100);
    await file.close();
    expect(await studentOf(await run())).toEqual(await studentOf(first));
    expect(await contents()).toEqual(before);
  });

  test('another teacher, other crops and another number of levels have a place of their own; another seed has not', async () => {
    await run();
    await run({ seed: '1' });
    expect(await readdir(kept)).toHaveLength(1);
    await run({ 'data.flip': '0' });
    expect(await readdir(kept)).toHaveLength(2);
    await run({ 'alignment.levels': 'mean' });
    expect(await readdir(kept)).toHaveLength(3);
    const other = await run({}, { untilEpoch: 1 });
    await run({ 'teacher.checkpoint': other });
    expect(await readdir(kept)).toHaveLength(4);
  });

  test('a cache that would be larger than it may be is not begun, and the message tells what fits', async () => {
    await expect(run({ 'teacher.cache.max_gb': '1e-3', 'teacher.cache.views': '1000' })).rejects.toMatchObject({ problems: [expect.objectContaining({ code: 'MIM8007', message: expect.stringContaining('1000 views of 64 images take'), hint: expect.stringMatching(/^`views: \d+` fit; or raise `max_gb`\.$/) })] });
    await expect(run({ 'teacher.cache.max_gb': '1e-6' })).rejects.toMatchObject({ problems: [expect.objectContaining({ hint: expect.stringContaining('Not one view fits') })] });
  });

  test.runIf(process.platform === 'linux')('where it can be written no longer, the training goes on and says so once', async () => {
    const whole = await run();
    const file = await viewFile(0);
    // A full disk, as far as a file can be one.
    await rm(await folderOfLooks(), { recursive: true });
    await run({}, { untilEpoch: 1 });
    await rm(file);
    await rm(await viewFile(1), { force: true });
    await symlink('/dev/full', file);
    const told: string[] = [];
    expect(await studentOf(await run({}, {}, told))).toEqual(await studentOf(whole));
    expect(told.filter((line) => line.includes('kept no longer'))).toHaveLength(1);
  });
});

describe('an experiment whose teacher cannot be kept', () => {
  const small = ['data: { kind: shapes, size: 64, image_size: 16 }', 'student: { patch_size: 4, width: 16, depth: 2, heads: 2 }'];
  test.each([
    ['an average of the student', ['method: maskalign', 'teacher: { ema: {}, cache: {} }'], 'what it says cannot be kept'],
    ['another method', ['method: feature_inpainting', 'teacher: { checkpoint: t, cache: {} }'], 'asks its teacher in every step'],
    ['int8, which rounds by the batch', ['method: maskalign', 'teacher: { checkpoint: t, dtype: int8, cache: {} }'], 'rounds an image by what else is in its batch'],
    ['a norm over the batch', ['method: maskalign', 'alignment: { target_norm: bn }', 'teacher: { checkpoint: t, cache: {} }'], 'reads the features of a whole batch'],
  ])('%s', (_what, lines, words) => {
    expect(report('mim: 1', ...lines, ...small)).toContain(words);
  });
});

describe('a record', () => {
  const layout = lookLayout({ 'look.1': { shape: [1, 3, 2], dtype: 'float16' }, 'look.scores': { shape: [1, 3], dtype: 'float32' } });

  test('gives scores as they were and features as float16 has them; zeros are none', () => {
    const records = new LookRecords(layout, 2);
    const pixels = Float32Array.of(0.5, -0.5);
    expect(records.isOf(0, pixels)).toBe(false);
    const looks = { 'look.1': Float32Array.from({ length: 12 }, (_, i) => 1 + i / 3), 'look.scores': Float32Array.from({ length: 6 }, (_, i) => 1e-7 * (i + 1)) };
    expect([records.put(0, pixels, looks, 0), records.put(1, pixels, looks, 1)]).toEqual([true, true]);
    expect([records.isOf(0, pixels), records.isOf(0, Float32Array.of(0.5, -0.25))]).toEqual([true, false]);
    const back = records.looks;
    expect(back['look.scores']).toEqual(looks['look.scores']);
    const features = halvesToFloats(back['look.1'] as Uint16Array);
    looks['look.1'].forEach((value, i) => expect(Math.abs(features[i]! / value - 1)).toBeLessThan(2 ** -11));
    expect(records.parts(0).reduce((bytes, part) => bytes + part.byteLength, 0)).toBe(layout.recordBytes);
    records.parts(0).at(-1)![0]! ^= 1;
    expect([records.isOf(0, pixels), records.isOf(1, pixels)]).toEqual([false, true]);
  });

  test('is none where the file ends within it, though it was whole before, and its memory another\'s', async () => {
    const place = join(folder, 'store');
    const store = await LookStore.open({ folder: place, layout, identity: {} });
    const [records, pixels] = [new LookRecords(layout, 2), Float32Array.of(0.5, -0.5)];
    const looks = { 'look.1': Float32Array.from({ length: 12 }, (_, i) => i + 1), 'look.scores': new Float32Array(6).fill(0.5) };
    for (const i of [0, 1]) {
      records.put(i, pixels, looks, i);
      await store.write(records, i, { view: 0, index: i });
    }
    const whole = async (): Promise<boolean[]> => {
      const read = await store.read(0, Int32Array.of(1, 0));
      const found = [1, 0].map((index, i) => store.isOf(read, i, { view: 0, index }, pixels));
      store.giveBack(read);
      return found;
    };
    expect([await whole(), await whole()]).toEqual([[true, true], [true, true]]);
    const file = await open(join(place, 'view-0.looks'), 'r+');
    await file.truncate(2 * layout.recordBytes - 6);
    await file.close();
    expect([await whole(), await whole()]).toEqual([[false, true], [false, true]]);
    await store.close();
  });

  test('says where a feature is too large for float16', () => {
    const records = new LookRecords(layout, 1);
    expect(records.put(0, new Float32Array(2), { 'look.1': new Float32Array(6).fill(65520), 'look.scores': new Float32Array(3) }, 0)).toBe(false);
  });
});
