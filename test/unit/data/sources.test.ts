import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../extension/core/problems';
import { decodePixels } from '../../../extension/training/data/decode';
import { openImageSource } from '../../../extension/training/data/open-source';
import { openReader } from '../../../extension/training/data/readers';
import type { ImageSource, Pixels } from '../../../extension/training/data/source';
import { cifar, dataConfig, idx, png, tar, temporaryFolder, write } from './fixtures';

/** All pixels of a source, read as a loader thread would: from the description alone. */
async function allPixels(source: ImageSource): Promise<Pixels[]> {
  const reader = await openReader(structuredClone(source.readerSpec));
  try {
    const pixels: Pixels[] = [];
    for (let i = 0; i < source.length; i++) pixels.push(await decodePixels(await reader.read(i)));
    return pixels;
  } finally {
    reader.close();
  }
}

const labels = (source: ImageSource): number[] => Array.from({ length: source.length }, (_, i) => source.label(i));
const names = (source: ImageSource): string[] => Array.from({ length: source.length }, (_, i) => source.name(i));
const reds = async (source: ImageSource): Promise<number[]> => (await allPixels(source)).map((pixels) => pixels.rgb[0]!);

async function fault(promise: Promise<unknown>): Promise<UserError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).hint).toBeTruthy();
  return error as UserError;
}

describe('class folders', () => {
  it('are listed by class and name, whatever the order on disk, with links and nested folders', async () => {
    const folder = temporaryFolder();
    write(folder, 'dog/b.png', await png(3));
    write(folder, 'cat/sub/z.PNG', await png(2));
    write(folder, 'cat/a.webp', await png(1));
    write(folder, 'dog/notes.txt', 'not an image');
    write(folder, '.hidden/x.png', await png(9));
    mkdirSync(join(folder, 'empty'));
    const source = await openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0);
    expect(names(source)).toEqual(['cat/a.webp', 'cat/sub/z.PNG', 'dog/b.png']);
    expect(source.classNames).toEqual(['cat', 'dog']);
    expect(labels(source)).toEqual([0, 0, 1]);
    expect(await reds(source)).toEqual([1, 2, 3]);
  });

  it('a flat folder has no labels', async () => {
    const folder = temporaryFolder();
    write(folder, 'b.png', await png(2));
    write(folder, 'a.png', await png(1));
    const source = await openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0);
    expect(source.classNames).toEqual([]);
    expect(labels(source)).toEqual([-1, -1]);
    expect(await reds(source)).toEqual([1, 2]);
  });

  it('train and val within a folder are the splits, with the labels of train', async () => {
    const folder = temporaryFolder();
    write(folder, 'train/ant/1.png', await png(1));
    write(folder, 'train/bee/1.png', await png(2));
    write(folder, 'val/bee/1.png', await png(3));
    const config = dataConfig({ path: folder });
    expect((await openImageSource(config, 'train', 0)).length).toBe(2);
    const test = await openImageSource(config, 'test', 0);
    expect(labels(test)).toEqual([1]);
    expect(test.classNames).toEqual(['ant', 'bee']);
    const fromTrain = await openImageSource(dataConfig({ path: join(folder, 'train') }), 'test', 0);
    expect(names(fromTrain)).toEqual(['bee/1.png']);
  });

  it('a class called train is a class among classes, and a link to nowhere nothing', async () => {
    const folder = temporaryFolder();
    for (const name of ['bus', 'train']) write(folder, `${name}/1.png`, await png(1));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'data'));
    const source = await openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0);
    expect(source.classNames).toEqual(['bus', 'train']);
    const linked = temporaryFolder();
    write(linked, 'bus/1.png', await png(1));
    symlinkSync(join(linked, 'nowhere'), join(linked, 'train'));
    expect((await openImageSource(dataConfig({ path: linked, holdout: 0 }), 'train', 0)).classNames).toEqual(['bus']);
  });

  it('train beside folders without images is the training split', async () => {
    const folder = temporaryFolder();
    write(folder, 'train/ant/1.png', await png(1));
    write(folder, 'train/bee/1.png', await png(2));
    write(folder, 'annotations/list.txt', 'x');
    expect((await openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0)).classNames).toEqual(['ant', 'bee']);
  });

  it('linked into themselves are listed once', async () => {
    const folder = temporaryFolder();
    write(folder, 'cat/sub/1.png', await png(1));
    write(folder, 'dog/1.png', await png(2));
    symlinkSync(folder, join(folder, 'cat/everything'));
    symlinkSync(join(folder, 'cat'), join(folder, 'cat/sub/again'));
    const source = await openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0);
    expect(names(source)).toEqual(['cat/sub/1.png', 'dog/1.png']);
  });

  it('a test class that training does not have is an error', async () => {
    const folder = temporaryFolder();
    write(folder, 'train/ant/1.png', await png(1));
    write(folder, 'test/wasp/1.png', await png(3));
    expect((await fault(openImageSource(dataConfig({ path: folder }), 'test', 0))).code).toBe('MIM2006');
  });
});

describe('splits', () => {
  it('held-out images are a share by seed, apart from those trained on', async () => {
    const folder = temporaryFolder();
    for (let i = 0; i < 20; i++) write(folder, `${String(i).padStart(2, '0')}.png`, await png(i));
    const config = dataConfig({ path: folder, holdout: 0.25 });
    const train = names(await openImageSource(config, 'train', 7));
    const test = names(await openImageSource(config, 'test', 7));
    expect(test).toHaveLength(5);
    expect([...train, ...test].sort()).toEqual(Array.from({ length: 20 }, (_, i) => `${String(i).padStart(2, '0')}.png`));
    expect(names(await openImageSource(config, 'test', 7))).toEqual(test);
    expect(names(await openImageSource(config, 'test', 8))).not.toEqual(test);
  });

  it('`limit` and `test_limit` draw by seed', async () => {
    const config = dataConfig({ kind: 'shapes', size: 100, test_size: 50, limit: 10, test_limit: 5 });
    const train = await openImageSource(config, 'train', 1);
    expect(train.length).toBe(10);
    expect(new Set(names(train)).size).toBe(10);
    expect((await openImageSource(config, 'test', 1)).length).toBe(5);
    expect(names(await openImageSource(config, 'train', 2))).not.toEqual(names(train));
  });

  it('`test_path` goes before what lies beside the training images', async () => {
    const folder = temporaryFolder();
    write(folder, 'train/ant/1.png', await png(1));
    write(folder, 'test/ant/1.png', await png(2));
    write(folder, 'elsewhere/ant/7.png', await png(3));
    const test = await openImageSource(dataConfig({ path: folder, test_path: join(folder, 'elsewhere') }), 'test', 0);
    expect(names(test)).toEqual(['ant/7.png']);
  });

  it('every mistake says what is wrong, where, and what to do', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'nothing'));
    write(folder, 'packed/train.tar.gz', gzipSync('x'));
    write(folder, 'one/1.png', await png(1));
    const open = (path: string, more = {}) => openImageSource(dataConfig({ path: join(folder, path), ...more }), 'test', 0);
    expect((await fault(open('absent'))).code).toBe('MIM2001');
    expect((await fault(open('nothing'))).code).toBe('MIM2002');
    expect((await fault(open('packed/train.tar.gz'))).code).toBe('MIM2004');
    expect((await fault(open('one', { holdout: 0 }))).code).toBe('MIM2005');
    expect((await fault(open('one'))).code).toBe('MIM2005');
    expect((await fault(open('one', { kind: 'tar' }))).code).toBe('MIM2002');
    expect((await fault(openImageSource(dataConfig({ kind: 'folder' }), 'train', 0))).code).toBe('MIM1117');
  });
});

describe('tar archives', () => {
  it('are read in place, classes by folder, test.tar beside train.tar', async () => {
    const folder = temporaryFolder();
    const long = `train/bee/${'x'.repeat(150)}.png`;
    const path = write(folder, 'train.tar', await tar([['train/bee/2.png', await png(2)], ['train/ant/1.png', await png(1)], [long, await png(4)], ['train/readme.txt', 'no']]));
    write(folder, 'test.tar', await tar([['test/bee/9.png', await png(9)]]));
    const train = await openImageSource(dataConfig({ path }), 'train', 0);
    expect(names(train)).toEqual(['train.tar:train/bee/2.png', 'train.tar:train/ant/1.png', `train.tar:${long}`]);
    expect(labels(train)).toEqual([1, 0, 1]);
    expect(await reds(train)).toEqual([2, 1, 4]);
    const test = await openImageSource(dataConfig({ path: folder }), 'test', 0);
    expect(labels(test)).toEqual([1]);
    expect(await reds(test)).toEqual([9]);
  });

  it('several shards follow each other', async () => {
    const folder = temporaryFolder();
    write(folder, 'shard-0001.tar', await tar([['b/1.png', await png(3)]]));
    write(folder, 'shard-0000.tar', await tar([['a/1.png', await png(1)], ['b/0.png', await png(2)]]));
    const source = await openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0);
    expect(await reds(source)).toEqual([1, 2, 3]);
    expect(labels(source)).toEqual([0, 1, 1]);
  });

  it('WebDataset companions give the class, as number, name or JSON', async () => {
    const folder = temporaryFolder();
    const numbers = write(folder, 'n.tar', await tar([['000.jpg', await png(1)], ['000.cls', '2\n'], ['001.cls', '0'], ['001.png', await png(2)]]));
    const byNumber = await openImageSource(dataConfig({ path: numbers, holdout: 0 }), 'train', 0);
    expect(labels(byNumber)).toEqual([2, 0]);
    expect(byNumber.classNames).toEqual(['0', '1', '2']);
    const json = write(folder, 'j.tar', await tar([['000.png', await png(1)], ['000.json', '{"label": "zebra"}'], ['001.png', await png(2)], ['001.json', '{"cls": "ant", "caption": "an ant"}']]));
    const byName = await openImageSource(dataConfig({ path: json, holdout: 0 }), 'train', 0);
    expect(byName.classNames).toEqual(['ant', 'zebra']);
    expect(labels(byName)).toEqual([1, 0]);
    const partial = write(folder, 'p.tar', await tar([['000.png', await png(1)], ['000.cls', '2'], ['001.png', await png(2)]]));
    expect((await fault(openImageSource(dataConfig({ path: partial, holdout: 0 }), 'train', 0))).code).toBe('MIM2102');
  });

  it('hostile names lead nowhere', async () => {
    const folder = temporaryFolder();
    const path = write(folder, 'evil.tar', await tar([['../../../../etc/a.png', await png(1)], ['/etc/b.png', await png(2)]]));
    const source = await openImageSource(dataConfig({ path, holdout: 0 }), 'train', 0);
    expect(await reds(source)).toEqual([1, 2]);
  });

  it.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, 700)],
    ['of a negative size', (bytes: Buffer) => patchSize(bytes, Buffer.from('-0000000001\0'))],
    ['of a negative base-256 size', (bytes: Buffer) => patchSize(bytes, Buffer.alloc(12, 0xff))],
    ['of an absurd base-256 size', (bytes: Buffer) => patchSize(bytes, Buffer.from([0x80, 0, 0, 0, 127, 255, 255, 255, 255, 255, 255, 255]))],
    ['of an absurd octal size', (bytes: Buffer) => patchSize(bytes, Buffer.from('77777777777\0'))],
    ['with a broken checksum', (bytes: Buffer) => Buffer.concat([Buffer.from('X'), bytes.subarray(1)])],
    ['that is none', () => Buffer.alloc(2048, 7)],
  ])('an archive %s is an error', async (_, damage) => {
    const path = write(temporaryFolder(), 'damaged.tar', damage(await tar([['a/1.png', await png(1, 2, 3, 64)]])));
    expect((await fault(openImageSource(dataConfig({ path, holdout: 0 }), 'train', 0))).code).toBe('MIM2101');
  });
});

/** Puts a size into the first header and mends the checksum. */
function patchSize(bytes: Buffer, size: Buffer): Buffer {
  const patched = Buffer.from(bytes);
  size.copy(patched, 124);
  patched.fill(32, 148, 156);
  const sum = patched.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  patched.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return patched;
}

describe('CIFAR binaries', () => {
  const records = [
    { labels: [3], rgb: [10, 20, 30] as const },
    { labels: [9], rgb: [40, 50, 60] as const },
  ];

  it('CIFAR-10 batches, their names and test batch', async () => {
    const folder = temporaryFolder();
    write(folder, 'data_batch_1.bin', cifar(records.slice(0, 1)));
    write(folder, 'data_batch_2.bin', cifar(records.slice(1)));
    write(folder, 'test_batch.bin', cifar([{ labels: [0], rgb: [7, 8, 9] }]));
    const train = await openImageSource(dataConfig({ path: folder }), 'train', 0);
    expect(labels(train)).toEqual([3, 9]);
    expect(train.classNames[3]).toBe('cat');
    expect([...(await allPixels(train))[1]!.rgb.subarray(0, 6)]).toEqual([40, 50, 60, 40, 50, 60]);
    expect(await reds(await openImageSource(dataConfig({ path: folder }), 'test', 0))).toEqual([7]);
  });

  it('CIFAR-100 takes the fine label', async () => {
    const folder = temporaryFolder();
    write(folder, 'cifar-100-binary/train.bin', cifar([{ labels: [1, 77], rgb: [1, 2, 3] }]));
    write(folder, 'cifar-100-binary/test.bin', cifar([{ labels: [1, 5], rgb: [1, 2, 3] }]));
    const train = await openImageSource(dataConfig({ path: folder }), 'train', 0);
    expect(labels(train)).toEqual([77]);
    expect(train.classNames).toHaveLength(100);
  });

  it('the packed official archive holds both splits', async () => {
    const inner = 'cifar-10-batches-bin/';
    const archive = await tar([
      [`${inner}batches.meta.txt`, 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n'],
      [`${inner}data_batch_1.bin`, cifar(records)],
      [`${inner}test_batch.bin`, cifar(records.slice(0, 1))],
    ]);
    const path = write(temporaryFolder(), 'cifar-10-binary.tar.gz', gzipSync(archive));
    const train = await openImageSource(dataConfig({ path }), 'train', 0);
    expect(labels(train)).toEqual([3, 9]);
    expect(train.classNames[3]).toBe('d');
    expect((await openImageSource(dataConfig({ path }), 'test', 0)).length).toBe(1);
  });

  it('a batch cut off, or with labels beyond the classes, is an error', async () => {
    const folder = temporaryFolder();
    write(folder, 'short/data_batch_1.bin', cifar(records).subarray(0, 4000));
    write(folder, 'label/data_batch_1.bin', cifar([{ labels: [10], rgb: [1, 2, 3] }]));
    for (const path of ['short', 'label']) expect((await fault(openImageSource(dataConfig({ path: join(folder, path) }), 'train', 0))).code).toBe('MIM2108');
  });
});

describe('idx files', () => {
  it.each([['plain', ''], ['gzipped', '.gz']])('%s, grey to RGB, with labels and the t10k split', async (_, ending) => {
    const folder = temporaryFolder();
    const pack = (bytes: Buffer) => (ending ? gzipSync(bytes) : bytes);
    write(folder, `train-images-idx3-ubyte${ending}`, pack(idx([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])));
    write(folder, `train-labels-idx1-ubyte${ending}`, pack(idx([2], [4, 0])));
    write(folder, `t10k-images-idx3-ubyte${ending}`, pack(idx([1, 2, 3], [9, 9, 9, 9, 9, 9])));
    write(folder, `t10k-labels-idx1-ubyte${ending}`, pack(idx([1], [4])));
    const train = await openImageSource(dataConfig({ path: folder }), 'train', 0);
    expect(labels(train)).toEqual([4, 0]);
    expect(train.classNames).toHaveLength(5);
    const [first, second] = await allPixels(train);
    expect([first!.width, first!.height]).toEqual([3, 2]);
    expect([...second!.rgb.subarray(0, 6)]).toEqual([7, 7, 7, 8, 8, 8]);
    expect(labels(await openImageSource(dataConfig({ path: folder }), 'test', 0))).toEqual([4]);
  });

  it.each([
    ['huge dimensions', idx([0xffffffff, 0xffffffff, 0xffffffff], [1])],
    ['huge dimensions, gzipped', gzipSync(idx([0xffffffff, 4096, 4096], [1]))],
    ['more values than announced, gzipped', gzipSync(idx([1, 2, 2], new Uint8Array(100_000)))],
    ['fewer values than announced', idx([2, 2, 2], [1, 2, 3])],
    ['another type of values', Buffer.from([0, 0, 13, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0])],
    ['two dimensions', idx([2, 2], [1, 2, 3, 4])],
    ['no images', idx([0, 2, 2], [])],
    ['damaged gzip data', gzipSync(idx([1, 2, 2], [1, 2, 3, 4])).subarray(0, 20)],
  ])('%s are an error', async (_, bytes) => {
    const path = write(temporaryFolder(), 'train-images-idx3-ubyte', bytes);
    expect((await fault(openImageSource(dataConfig({ path, holdout: 0 }), 'train', 0))).code).toMatch(/^MIM(2003|2106|2107)$/);
  });

  it('labels of another length are an error', async () => {
    const folder = temporaryFolder();
    write(folder, 'train-images-idx3-ubyte', idx([1, 1, 1], [1]));
    write(folder, 'train-labels-idx1-ubyte', idx([2], [1, 2]));
    expect((await fault(openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0))).code).toBe('MIM2107');
  });
});
