import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { decodePixels } from '../../../extension/training/data/decode';
import { openImageSource } from '../../../extension/training/data/open-source';
import { openReader } from '../../../extension/training/data/readers';
import { UnreadableImage, type ImageSource } from '../../../extension/training/data/source';
import { memoryRanges } from '../../../extension/training/data/byte-file';
import { readParquetFooter } from '../../../extension/training/data/parquet-footer';
import { findPages } from '../../../extension/training/data/parquet-pages';
import { readThrift } from '../../../extension/training/data/parquet-thrift';
import { dataConfig, parquet, png, temporaryFolder, write, type ParquetOptions } from './fixtures';

async function encoded(source: ImageSource): Promise<Buffer[]> {
  const reader = await openReader(structuredClone(source.readerSpec));
  // Backwards, so that nothing depends on reading in order.
  const images: Buffer[] = [];
  for (let i = source.length - 1; i >= 0; i--) {
    const image = await reader.read(i);
    images.unshift(image.kind === 'encoded' ? Buffer.from(image.bytes) : Buffer.alloc(0));
  }
  reader.close();
  return images;
}

describe('Parquet image sets', () => {
  const images = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => png(i, 255 - i, 2 * i, 4 + (i % 5))));

  it.each<[string, ParquetOptions]>([
    ['snappy, several row groups', { rowGroupSize: 4 }],
    ['uncompressed, one row group of small pages', { codec: 'UNCOMPRESSED', rowGroupSize: 1000, pageSize: 300 }],
    ['snappy, small pages', { rowGroupSize: 7, pageSize: 200 }],
  ])('give the same images and labels as hyparquet: %s', async (_, options) => {
    const path = write(temporaryFolder(), 'train-00000-of-00001.parquet', parquet(await images(19), options));
    const bytes = readFileSync(path);
    const expected = await parquetReadObjects({ file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), utf8: false });
    const source = await openImageSource(dataConfig({ path, holdout: 0 }), 'train', 0);
    expect(source.length).toBe(19);
    expect(Array.from({ length: 19 }, (_, i) => source.label(i))).toEqual(expected.map((row) => Number(row.label)));
    expect(await encoded(source)).toEqual(expected.map((row) => Buffer.from((row.image as { bytes: Uint8Array }).bytes)));
  });

  // Dictionary and plain pages, versions 1 and 2, every codec; files/make.py says how they were made.
  it.each(['snappy-dictionary', 'plain', 'zstd-v2', 'gzip', 'brotli'])('as pyarrow writes them are read: %s', async (name) => {
    const source = await openImageSource(dataConfig({ path: fileURLToPath(new URL(`files/${name}.parquet`, import.meta.url)), holdout: 0 }), 'train', 0);
    expect(source.classNames).toEqual(['ant', 'bee', 'cat']);
    expect(Array.from({ length: 9 }, (_, i) => source.label(i))).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    const reader = await openReader(source.readerSpec);
    for (const [i, red] of [0, 1, 2, 0, 4, -1, 6, 0, 8].entries()) {
      if (red < 0) expect(() => reader.read(i)).toThrow(UnreadableImage);
      else expect([...(await decodePixels(await reader.read(i))).rgb.subarray(0, 3)]).toEqual([red, 255 - red, 2 * red]);
    }
    reader.close();
  });

  it('repeated images are read through the dictionary', async () => {
    const [a, b] = await images(2);
    const path = write(temporaryFolder(), 'x.parquet', parquet(Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? a : b)), { rowGroupSize: 40 }));
    const source = await openImageSource(dataConfig({ path, holdout: 0 }), 'train', 0);
    expect(await encoded(source)).toEqual(Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? a : b)));
  });

  it('files of one split follow each other; class names come from the Hugging Face metadata', async () => {
    const folder = temporaryFolder();
    const some = await images(6);
    const names = ['ant', 'bee', 'cat'];
    write(folder, 'data/train-00001-of-00002.parquet', parquet(some.slice(2, 4), { names, labels: [0, 1] }));
    write(folder, 'data/train-00000-of-00002.parquet', parquet(some.slice(0, 2), { names, labels: [2, 0] }));
    write(folder, 'data/test-00000-of-00001.parquet', parquet(some.slice(4), { names, labels: [1, 1] }));
    const train = await openImageSource(dataConfig({ path: folder }), 'train', 0);
    expect(await encoded(train)).toEqual(some.slice(0, 4));
    expect(train.classNames).toEqual(names);
    expect(Array.from({ length: 4 }, (_, i) => train.label(i))).toEqual([2, 0, 0, 1]);
    expect(train.name(3)).toBe(`${join(folder, 'data/train-00001-of-00002.parquet')}: row 1`);
    expect((await openImageSource(dataConfig({ path: folder }), 'test', 0)).length).toBe(2);
  });

  it('a row without an image is one unreadable image', async () => {
    const [image] = await images(1);
    const path = write(temporaryFolder(), 'x.parquet', parquet([image, undefined, image]));
    const source = await openImageSource(dataConfig({ path, holdout: 0 }), 'train', 0);
    const reader = await openReader(source.readerSpec);
    expect(() => reader.read(1)).toThrow(UnreadableImage);
    expect(reader.read(2)).toMatchObject({ kind: 'encoded' });
    reader.close();
  });

  it('a file cut off, and one without images, are errors', async () => {
    const folder = temporaryFolder();
    const good = parquet(await images(3));
    const cut = write(folder, 'cut.parquet', good.subarray(0, good.length - 20));
    await expect(openImageSource(dataConfig({ path: cut }), 'train', 0)).rejects.toMatchObject({ code: 'MIM2103' });
    const renamed = Buffer.from(good.toString('latin1').replaceAll('bytes', 'bites').replaceAll('image', 'imago'), 'latin1');
    const other = write(folder, 'other.parquet', renamed);
    await expect(openImageSource(dataConfig({ path: other }), 'train', 0)).rejects.toMatchObject({ code: 'MIM2104' });
  });

  it('texts as labels are class names, a missing one none', async () => {
    const some = await images(4);
    const folder = temporaryFolder();
    const path = write(folder, 'train-0.parquet', parquet(some, { labels: ['cat', 'ant', undefined, 'cat'] }));
    write(folder, 'train-1.parquet', parquet(some.slice(0, 1), { labels: ['bee'] }));
    const source = await openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0);
    expect(source.classNames).toEqual(['ant', 'bee', 'cat']);
    expect(Array.from({ length: 5 }, (_, i) => source.label(i))).toEqual([2, 0, -1, 2, 1]);
    write(folder, 'train-2.parquet', parquet(some.slice(0, 1), { labels: [1] }));
    await expect(openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0)).rejects.toMatchObject({ code: 'MIM2103', message: expect.stringContaining('train-2.parquet') as unknown });
    expect((await openImageSource(dataConfig({ path, holdout: 0 }), 'train', 0)).classNames).toEqual(['ant', 'cat']);
  });

  it('more rows than a file has room for images are refused before anything is allocated', async () => {
    const [image] = await images(1);
    const path = write(temporaryFolder(), 'x.parquet', parquet(Array.from({ length: 5000 }, () => image), { rowGroupSize: 5000 }));
    await expect(openImageSource(dataConfig({ path, holdout: 0 }), 'train', 0)).rejects.toMatchObject({ code: 'MIM2103', message: expect.stringContaining('5000 rows') as unknown });
  });

  it('a footer larger than any is refused unread', () => {
    const bytes = Buffer.alloc(17 * 2 ** 20);
    bytes.write('PAR1', 0, 'latin1');
    bytes.writeUInt32LE(bytes.length - 12, bytes.length - 8);
    bytes.write('PAR1', bytes.length - 4, 'latin1');
    expect(() => readParquetFooter(memoryRanges(bytes))).toThrow(/its footer claims \d+ bytes/);
  });

  it('more values in a header than any has are refused', () => {
    // One field: a list of four million numbers of one byte each.
    const length = 4 * 2 ** 20;
    const bytes = Buffer.concat([Buffer.from([0x19, 0xf5, 0x80, 0x80, 0x80, 0x02]), Buffer.alloc(length), Buffer.from([0])]);
    expect(() => readThrift(bytes)).toThrow('more values');
  });

  it('pages without rows are not collected without end', async () => {
    const [image] = await images(1);
    const bytes = parquet([image]);
    const footer = readParquetFooter(memoryRanges(bytes));
    // A data page of no bytes and no values, again and again.
    const page = Buffer.from([0x15, 0, 0x15, 0, 0x15, 0, 0x2c, 0x15, 0, 0x15, 0, 0x15, 0, 0x15, 0, 0, 0]);
    const pages = Buffer.concat(Array.from({ length: 1000 }, () => page));
    const chunk = { start: 0, size: pages.length, codec: 0, type: 'bytes', optionalLevels: 1, rows: footer.rowGroups[0]!.rows } as const;
    expect(() => findPages(memoryRanges(pages), chunk)).toThrow('more pages than rows');
  });

  it('an endless number in a header is refused at once', () => {
    const bytes = new Uint8Array(4 * 2 ** 20).fill(0xff);
    bytes[0] = 0x16;
    expect(() => readThrift(bytes)).toThrow('64 bits');
  });
});
