import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../extension/core/problems';
import { memoryRanges, type ByteRanges } from '../../extension/training/data/byte-file';
import { openCifar } from '../../extension/training/data/cifar-source';
import { decodePixels } from '../../extension/training/data/decode';
import { openIdx } from '../../extension/training/data/idx-source';
import { openParquet, ParquetReader } from '../../extension/training/data/parquet-source';
import { openReader } from '../../extension/training/data/readers';
import { UnreadableImage, type ImageReader, type ImageSource } from '../../extension/training/data/source';
import { indexTar } from '../../extension/training/data/tar-index';
import { openTar } from '../../extension/training/data/tar-source';
import { cifar, idx, jpeg, parquet, png, tar, temporaryFolder } from '../unit/data/fixtures';
import { damaged, FUZZ_RUNS, FUZZ_TIMEOUT } from './data-mutations';

const folder = temporaryFolder();

/** Opens damaged bytes as a file and reads what is there: success, or an error meant for the user, and nothing else. */
async function survives(bytes: Uint8Array, name: string, open: (path: string) => ImageSource): Promise<void> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  await readsAll(bytes, () => open(path), (source) => openReader(source.readerSpec));
}

/** @param imagesPerByte no more images come out of a byte, where all of them are packed as tightly as gzip can. */
async function readsAll<S extends ImageSource>(bytes: Uint8Array, open: () => S, read: (source: S) => ImageReader | Promise<ImageReader>, imagesPerByte = 1032): Promise<void> {
  try {
    const source = open();
    expect(source.length).toBeLessThanOrEqual(bytes.length * imagesPerByte);
    const reader = await read(source);
    try {
      for (let i = 0; i < Math.min(source.length, 12); i++) await readOne(source, reader, i);
    } finally {
      reader.close();
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}

async function readOne(source: ImageSource, reader: ImageReader, index: number): Promise<void> {
  expect(source.label(index)).toBeGreaterThanOrEqual(-1);
  expect(source.label(index)).toBeLessThan(Math.max(1, source.classNames.length));
  expect(source.name(index)).not.toMatch(/undefined|NaN/);
  try {
    await reader.read(index);
  } catch (error) {
    if (!(error instanceof UnreadableImage)) throw error;
  }
}

const run = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>, runs = FUZZ_RUNS): Promise<void> =>
  fc.assert(fc.asyncProperty(arbitrary, property), { numRuns: runs }) as Promise<void>;

/** Raw header fields with a checksum that holds, so that fuzzing gets beyond it. */
const header = fc
  .record({
    name: fc.oneof(fc.constantFrom('../../etc/passwd', 'a/1.png', '/abs/2.jpg', 'x.cls', 'x.json', ''), fc.string({ maxLength: 99 })),
    size: fc.oneof(fc.nat(3000).map((size) => `${size.toString(8).padStart(11, '0')}\0`), fc.constantFrom('77777777777\0', '-0000000001\0', '8', ' 12 ', '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff', '\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff', '\x80\0\0\0\0\0\0\0\0\0\0\x09'), fc.string({ maxLength: 12 })),
    type: fc.constantFrom('0', '\0', '5', '2', 'L', 'K', 'x', 'g', '7', 'S', 'Z'),
    magic: fc.constantFrom('ustar\x0000', 'ustar  \0', '', 'xxxxx'),
    body: fc.oneof(fc.constantFrom('30 path=../../../x.png\n', '15 size=999999\n', '9999999999 a=b\n', '0 x=y\n', '12 size=-1\n', '3', '{"label": [1]}'), fc.string({ maxLength: 600 })),
  })
  .map(({ name, size, type, magic, body }) => {
    const block = Buffer.alloc(512);
    block.write(name, 0, 100, 'utf8');
    block.write(size, 124, 12, 'latin1');
    block.write(type, 156, 1, 'latin1');
    block.write(magic, 257, 8, 'latin1');
    block.fill(32, 148, 156);
    block.write(`${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const padded = Buffer.alloc(Math.ceil(Buffer.byteLength(body) / 512) * 512);
    padded.write(body);
    return Buffer.concat([block, padded]);
  });

describe('no bytes crash, hang or fill the memory', { timeout: FUZZ_TIMEOUT }, () => {
  it('tar headers', async () => {
    await run(fc.array(header, { minLength: 1, maxLength: 6 }), async (blocks) => {
      const bytes = Buffer.concat(blocks);
      try {
        for (const { offset, size } of indexTar(memoryRanges(bytes), 'fuzz.tar')) {
          expect(offset).toBeGreaterThanOrEqual(512);
          expect(offset + size).toBeLessThanOrEqual(bytes.length);
        }
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }, FUZZ_RUNS / 2);
  });

  it('tar archives', async () => {
    const valid = await tar([['a/1.png', await png(1)], ['b/2.png', await png(2)], [`a/${'n'.repeat(120)}.png`, 'x']]);
    const web = await tar([['1.png', await png(1)], ['1.cls', '3'], ['2.png', await png(2)], ['2.json', '{"label":"x"}']]);
    await run(damaged(valid, web), (bytes) => survives(bytes, 'fuzz.tar', (path) => openTar([path])), FUZZ_RUNS / 2);
  });

  it('idx files', async () => {
    const plain = idx([3, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    await run(fc.oneof(damaged(plain), damaged(gzipSync(plain)), damaged(plain).map((bytes) => gzipSync(bytes))), (bytes) => survives(bytes, 'fuzz-images-idx3-ubyte', openIdx));
  });

  it('CIFAR batches', async () => {
    const ten = cifar([{ labels: [3], rgb: [1, 2, 3] }]);
    await run(damaged(ten), (bytes) => survives(bytes, 'data_batch_1.bin', (path) => openCifar('cifar10', [path], 'train')), FUZZ_RUNS / 2);
  });

  it('CIFAR archives', async () => {
    const archive = gzipSync(await tar([['c/data_batch_1.bin', cifar([{ labels: [3], rgb: [1, 2, 3] }])], ['c/batches.meta.txt', 'a\nb\n']]));
    await run(damaged(archive), (bytes) => survives(bytes, 'cifar-10-binary.tar.gz', (path) => openCifar('cifar10', [path], 'train')), FUZZ_RUNS / 2);
  });

  it('Parquet files', async () => {
    const images = await Promise.all([1, 2, 3, 4, 5].map((red) => png(red)));
    const files = [
      parquet(images, { rowGroupSize: 3 }),
      parquet(images, { codec: 'UNCOMPRESSED', pageSize: 100, names: ['a', 'b', 'c'] }),
      parquet([images[0], images[1], images[0], images[1], undefined, images[0], images[1], images[0]], { rowGroupSize: 8 }),
      ...['snappy-dictionary', 'plain', 'zstd-v2', 'gzip'].map((name) => readFileSync(new URL(`../unit/data/files/${name}.parquet`, import.meta.url))),
    ];
    await run(damaged(...files), (bytes) => {
      const inMemory = (): ByteRanges => memoryRanges(bytes);
      return readsAll(bytes, () => openParquet(['fuzz.parquet'], undefined, inMemory), ({ readerSpec }) => new ParquetReader(readerSpec, inMemory), 1 / 16);
    });
  });

  it('images (libvips is the parser, so fewer)', async () => {
    const files = [await jpeg(100, 16), await png(50, 60, 70, 16)];
    const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), bytes]));
    await run(
      fc.oneof(damaged(...files), random),
      async (bytes) => {
        try {
          const { width, height, rgb } = await decodePixels({ kind: 'encoded', bytes });
          expect(rgb).toHaveLength(width * height * 3);
        } catch (error) {
          if (!(error instanceof UnreadableImage)) throw error;
        }
      },
      Math.ceil(FUZZ_RUNS / 20),
    );
  });
});
