import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ImageLoader, epochOrder, type ImageBatch, type LoaderOptions } from '../../../extension/training/data/loader';
import { InProcessPool } from '../../../extension/training/data/loader-pool';
import { openImageSource } from '../../../extension/training/data/open-source';
import type { ImageSource } from '../../../extension/training/data/source';
import { dataConfig, jpeg, png, tar, temporaryFolder, write } from './fixtures';

/** The loader thread, bundled as the build does; within the project, so that it finds its native packages. */
let threadFile: string;
beforeAll(async () => {
  threadFile = fileURLToPath(new URL(`../../../node_modules/.cache/mim-test/loader-thread-${process.pid}.mjs`, import.meta.url));
  await build({
    entryPoints: [fileURLToPath(new URL('../../../extension/training/data/loader-thread.ts', import.meta.url))],
    outfile: threadFile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: ['sharp'],
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  });
});
afterAll(() => rmSync(threadFile, { force: true }));

const shapes = (size: number): Promise<ImageSource> => openImageSource(dataConfig({ kind: 'shapes', size }), 'train', 5);

function loader(source: ImageSource, threads: number, options: Partial<LoaderOptions> = {}, config = {}): ImageLoader {
  return new ImageLoader(source, { config: dataConfig({ kind: 'shapes', threads, ...config }), batchSize: 16, seed: 5, threadFile: threads > 0 ? threadFile : undefined, ...options });
}

async function collect<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

const digest = (values: Float32Array): string => createHash('sha256').update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)).digest('hex');

/** A batch in a form that is compared quickly. */
const bytes = (batch: ImageBatch): [string, number[], number[]] => [
  digest(batch.images),
  [...batch.labels],
  [...batch.indices],
];

describe('order', () => {
  it('holds every image once and depends on seed and epoch alone', () => {
    const order = epochOrder(1, 2, 1000);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(epochOrder(1, 2, 1000)).toEqual(order);
    expect(epochOrder(1, 3, 1000)).not.toEqual(order);
    expect(epochOrder(2, 2, 1000)).not.toEqual(order);
  });

  it('an epoch’s batches hold no image twice, with its label', async () => {
    const source = await shapes(70);
    const images = loader(source, 0);
    expect(images.stepsPerEpoch).toBe(4);
    const batches = await collect(images.trainBatches(0, 4));
    const indices = batches.flatMap((batch) => [...batch.indices]);
    expect(new Set(indices).size).toBe(64);
    expect(batches.flatMap((batch) => [...batch.labels])).toEqual(indices.map((index) => source.label(index)));
    await images.close();
  });
});

describe('a batch that was begun', () => {
  it('is the one that training begins with, and made once', async () => {
    const source = await shapes(70);
    const [plain, begun] = [loader(source, 1), loader(source, 1)];
    begun.begin(2);
    expect((await collect(begun.trainBatches(2, 6))).map(bytes)).toEqual((await collect(plain.trainBatches(2, 6))).map(bytes));
    expect((await collect(begun.trainBatches(0, 4))).map(bytes)).toEqual((await collect(plain.trainBatches(0, 4))).map(bytes));
    await Promise.all([plain.close(), begun.close()]);
  });

  it('is dropped where training begins elsewhere, or not at all', async () => {
    const source = await shapes(70);
    const images = loader(source, 1);
    images.begin(3);
    expect((await collect(images.trainBatches(0, 2))).map(({ step }) => step)).toEqual([0, 1]);
    images.begin(0);
    await images.close();
  });
});

describe('threads', () => {
  it('none, one or two: the same bytes, over epochs', async () => {
    const source = await shapes(50);
    const runs: unknown[] = [];
    for (const threads of [0, 1, 2]) {
      const images = loader(source, threads);
      runs.push((await collect(images.trainBatches(0, 7))).map((batch) => [batch.step, batch.epoch, ...bytes(batch)]));
      await images.close();
    }
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });

  it.each([0, 1, 2])('%i threads: batches in the memory of those that were given back are the same', async (threads) => {
    const source = await shapes(50);
    const [plain, thrifty] = [loader(source, 0), loader(source, threads)];
    const expected = (await collect(plain.trainBatches(0, 12))).map(bytes);
    const found: unknown[] = [];
    const memories = new Set<ArrayBufferLike>();
    for await (const batch of thrifty.trainBatches(0, 12)) {
      found.push(bytes(batch));
      if (threads === 0) memories.add(batch.images.buffer);
      // What is left in it does not matter.
      batch.images.fill(NaN);
      thrifty.giveBack(batch);
    }
    expect(found).toEqual(expected);
    if (threads === 0) expect(memories.size).toBeLessThan(6);
    await Promise.all([plain.close(), thrifty.close()]);
  });

  it('encoded images in a tar give the same bytes in threads', async () => {
    const entries = await Promise.all(Array.from({ length: 20 }, async (_, i) => [`${i % 2 ? 'a' : 'b'}/${i}.jpg`, await jpeg(10 * i, 20 + i)] as const));
    const path = write(temporaryFolder(), 'train.tar', await tar(entries));
    const source = await openImageSource(dataConfig({ path, holdout: 0 }), 'train', 0);
    const [here, there] = [loader(source, 0, { batchSize: 10 }), loader(source, 2, { batchSize: 10 })];
    expect((await collect(there.trainBatches(0, 4))).map(bytes)).toEqual((await collect(here.trainBatches(0, 4))).map(bytes));
    await Promise.all([here.close(), there.close()]);
  });

  it('are gone after close, and an error in one arrives as itself', async () => {
    const source = await shapes(50);
    const broken: ImageSource = Object.assign(Object.create(source) as ImageSource, { readerSpec: { kind: 'ranges', files: ['/nowhere/x.tar'], file: new Uint32Array(50), offset: new Float64Array(50), size: new Float64Array(50) } });
    const images = loader(broken, 1);
    await expect(collect(images.trainBatches(0, 3))).rejects.toMatchObject({ name: 'UserError', code: 'MIM2203' });
    await images.close();
    const left = loader(source, 2);
    for await (const _ of left.trainBatches(0, 100)) break;
    await left.close();
    await left.close();
  });

  it('a closed loader refuses what is under way instead of hanging', async () => {
    const images = loader(await shapes(50), 1);
    const first = images.batch(0, 0);
    const outcome = first.then(
      () => 'done',
      () => 'refused',
    );
    await images.close();
    expect(await outcome).toBe('refused');
  });
});

describe('resuming', () => {
  it('from step n gives the batches that would have followed', async () => {
    const source = await shapes(50);
    const [whole, resumed] = [loader(source, 0), loader(source, 0)];
    const all = await collect(whole.trainBatches(0, 8));
    expect((await collect(resumed.trainBatches(4, 8))).map(bytes)).toEqual(all.slice(4).map(bytes));
    expect(bytes(await resumed.batch(2, 1))).toEqual(bytes(all[7]!));
    await Promise.all([whole.close(), resumed.close()]);
  });
});

describe('augmentation', () => {
  it('changes with the epoch; `center` does not augment', async () => {
    const source = await shapes(16);
    const images = loader(source, 0);
    const byIndex = (batch: ImageBatch): Map<number, Float32Array> => new Map(Array.from(batch.indices, (index, i) => [index, batch.images.slice(i * 3072, (i + 1) * 3072)]));
    const [first, second] = (await collect(images.trainBatches(0, 2))).map(byIndex);
    expect(digest(first!.get(3)!)).not.toBe(digest(second!.get(3)!));
    const plain = loader(source, 0, { augment: 'center' });
    const [a, b] = (await collect(plain.trainBatches(0, 2))).map(byIndex);
    expect(digest(a!.get(3)!)).toBe(digest(b!.get(3)!));
    const [evaluated] = (await collect(images.evalBatches(16))).map(byIndex);
    expect(digest(evaluated!.get(3)!)).toBe(digest(a!.get(3)!));
  });
});

describe('evaluation batches', () => {
  it('hold every image once, in order, the last batch short', async () => {
    const images = loader(await shapes(20), 0);
    const batches = await collect(images.evalBatches(8));
    expect(batches.map((batch) => [...batch.indices])).toEqual([[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15], [16, 17, 18, 19]]);
    expect(batches[2]!.images).toHaveLength(4 * 3 * 32 * 32);
  });
});

describe('prefetch', () => {
  it('stays two batches ahead and no more', async () => {
    const orders = vi.spyOn(InProcessPool.prototype, 'run');
    const images = loader(await shapes(200), 0);
    const batches = images.trainBatches(0, 12);
    for (const taken of [1, 2]) {
      await batches.next();
      expect(orders).toHaveBeenCalledTimes(taken + 2);
      // Nor when all that was ordered is there.
      await Promise.all(orders.mock.results.map(({ value }) => value as Promise<unknown>));
      expect(orders).toHaveBeenCalledTimes(taken + 2);
    }
    await batches.return(undefined);
    await images.close();
    orders.mockRestore();
  });

  it('is as far ahead as is asked for, which may change', async () => {
    const orders = vi.spyOn(InProcessPool.prototype, 'run');
    const images = loader(await shapes(200), 0);
    let ahead = 2;
    const batches = images.trainBatches(0, 9, () => ahead);
    await batches.next();
    expect(orders).toHaveBeenCalledTimes(3);
    ahead = 5;
    await batches.next();
    expect(orders).toHaveBeenCalledTimes(7);
    ahead = 1;
    for (let i = 0; i < 5; i++) await batches.next();
    expect(orders).toHaveBeenCalledTimes(8);
    expect((await collect(batches)).map(({ step }) => step)).toEqual([7, 8]);
    await images.close();
    orders.mockRestore();
  });
});

describe('unreadable images', () => {
  async function withDamage(damaged: readonly number[]): Promise<ImageSource> {
    const folder = temporaryFolder();
    for (let i = 0; i < 12; i++) writeFileSync(join(folder, `${String(i).padStart(2, '0')}.png`), damaged.includes(i) ? (await png(i)).subarray(0, 40) : await png(20 * i));
    return openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0);
  }

  it.each([0, 2])('are reported by name once and replaced by the next, with %i threads', async (threads) => {
    const reports: string[] = [];
    const images = loader(await withDamage([3, 4, 11]), threads, { batchSize: 6, onUnreadable: (name, reason) => reports.push(`${name}: ${reason.length > 0}`) });
    const evaluated = (await collect(images.evalBatches(12)))[0]!;
    expect([...evaluated.indices]).toEqual([0, 1, 2, 5, 5, 5, 6, 7, 8, 9, 10, 0]);
    await collect(images.trainBatches(0, 4));
    expect(reports.sort()).toEqual(['03.png: true', '04.png: true', '11.png: true']);
    expect(images.unreadableCount).toBe(3);
    await images.close();
  });

  it('stop the run where there are more than allowed', async () => {
    const images = loader(await withDamage([3, 4, 11]), 0, { batchSize: 6 }, { max_unreadable: 2 });
    await expect(collect(images.evalBatches(12))).rejects.toMatchObject({ code: 'MIM2202' });
    const none = loader(await withDamage([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), 0, { batchSize: 6 });
    await expect(collect(none.evalBatches(4))).rejects.toMatchObject({ code: 'MIM2202' });
  });
});

it('a batch larger than the set is an error that names both', async () => {
  await expect(loader(await shapes(10), 0).batch(0, 0)).rejects.toMatchObject({ code: 'MIM2201' });
});

describe('shares', () => {
  it('of a batch, laid one after another, are the batch', async () => {
    const source = await shapes(64);
    const whole = await collect(loader(source, 0).trainBatches(2, 6));
    const shares = await Promise.all([0, 4, 12].map((first, i, starts) => collect(loader(source, 0, { share: { first, count: (starts[i + 1] ?? 16) - first } }).trainBatches(2, 6))));
    whole.forEach((batch, step) => {
      const parts = shares.map((share) => share[step]!);
      expect(parts.flatMap(({ indices }) => [...indices])).toEqual([...batch.indices]);
      expect(parts.flatMap(({ labels }) => [...labels])).toEqual([...batch.labels]);
      expect(digest(Float32Array.from(parts.flatMap(({ images }) => [...images])))).toBe(digest(batch.images));
      expect(parts.every((part) => part.step === batch.step && part.epoch === batch.epoch)).toBe(true);
    });
  });
});
