import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import sharp, { type JpegOptions, type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { randomCrop, type Crop } from '../../../extension/training/data/crop';
import { decodePixels } from '../../../extension/training/data/decode';
import { decodeCrop } from '../../../extension/training/data/decode-crop';
import { decodeJpeg } from '../../../extension/training/data/decode-jpeg';
import { ImageWork } from '../../../extension/training/data/image-work';
import { jpegHeader } from '../../../extension/training/data/jpeg-header';
import { openImageSource } from '../../../extension/training/data/open-source';
import type { Pixels } from '../../../extension/training/data/source';
import { cropAndResize, normalisationTable, writeNormalised } from '../../../extension/training/data/transform';
import { RandomStream } from '../../../extension/training/random';
import asPilReadsThem from './files/jpegs/as-pil-reads-them.json';
import { dataConfig, temporaryFolder, write } from './fixtures';

/** Patches of any colour under noise: every frequency, and the ends of the range. */
function picture(width: number, height: number): Sharp {
  const random = new RandomStream(0, 'picture', width, height);
  const patches = Uint8Array.from({ length: 49 * 3 }, () => random.integer(256));
  const value = (x: number, y: number, c: number): number => patches[3 * ((x >> 3) % 7) + 21 * ((y >> 3) % 7) + c]! + random.integer(64) - 32;
  const rgb = Uint8ClampedArray.from({ length: width * height * 3 }, (_, i) => value(Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3));
  return sharp(rgb, { raw: { width, height, channels: 3 } });
}

const photograph = (width: number, height: number, options: JpegOptions = {}): Promise<Buffer> => picture(width, height).jpeg(options).toBuffer();

/** As most programs write it; sharp leaves JFIF's 18 bytes out. */
function withJfif(bytes: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, 2), Buffer.from('ffe000104a46494600010100000100010000', 'hex'), bytes.subarray(2)]);
}

/** What decoding is, without any shorter way. */
async function plainDecode(bytes: Uint8Array, ignoreIcc = true): Promise<Pixels> {
  const { data, info } = await sharp(bytes, { failOn: 'error', ignoreIcc }).autoOrient().toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgb: data };
}

const decode = (bytes: Uint8Array): Promise<Pixels> => decodePixels({ kind: 'encoded', bytes });

/** Pixels, or why there are none, in a form that is compared quickly. */
async function outcome(pixels: Promise<Pixels>): Promise<unknown> {
  try {
    const { width, height, rgb } = await pixels;
    return [width, height, Buffer.from(rgb).toString('base64')];
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
}

const file = (name: string): Buffer => readFileSync(new URL(`files/jpegs/${name}`, import.meta.url));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Files that only sharp may decode. */
const others: [string, () => Promise<Buffer>][] = [
  ['CMYK', () => picture(40, 30).toColourspace('cmyk').jpeg().toBuffer()],
  ['CMYK with a profile', () => picture(40, 30).withIccProfile('cmyk').jpeg().toBuffer()],
  ['turned by EXIF', () => picture(40, 30).jpeg().withMetadata({ orientation: 6 }).toBuffer()],
  ['turned over by EXIF', () => picture(40, 30).jpeg().withMetadata({ orientation: 2 }).toBuffer()],
  ['with something after the end', async () => Buffer.concat([await photograph(40, 30), Buffer.from('after the end')])],
  ['PNG', () => picture(40, 30).png().toBuffer()],
  ['WebP', () => picture(40, 30).webp().toBuffer()],
];

describe('the header of a JPEG', () => {
  it('tells size, sampling, how the image is turned, and restarts', async () => {
    expect(jpegHeader(await photograph(50, 31))).toEqual({ width: 50, height: 31, sampling: [0x22, 0x11, 0x11], turned: false, restarts: false });
    expect(jpegHeader(await photograph(9, 300, { progressive: true, chromaSubsampling: '4:4:4' }))).toEqual({ width: 9, height: 300, sampling: [0x11, 0x11, 0x11], turned: false, restarts: false });
    expect(jpegHeader(withJfif(await photograph(50, 31)))).toMatchObject({ width: 50 });
    expect(jpegHeader(await picture(40, 30).toColourspace('cmyk').jpeg().toBuffer())).toMatchObject({ sampling: { length: 4 } });
    expect(jpegHeader(file('restarts-37x83.jpg'))).toMatchObject({ restarts: true });
    for (let orientation = 1; orientation <= 8; orientation++) {
      expect(jpegHeader(await picture(40, 30).jpeg().withMetadata({ orientation }).toBuffer())).toMatchObject({ turned: orientation > 1 });
    }
  });

  it('takes EXIF of either order, without an orientation, or damaged', async () => {
    const plain = await photograph(20, 10);
    const turned = (tiff: string): boolean | undefined => {
      const body = Buffer.from(tiff, 'hex');
      const length = Buffer.alloc(2);
      length.writeUInt16BE(body.length + 8);
      return jpegHeader(Buffer.concat([plain.subarray(0, 2), Buffer.from('ffe1', 'hex'), length, Buffer.from('Exif\0\0'), body, plain.subarray(2)]))?.turned;
    };
    expect(turned('4d4d002a000000080001011200030000000100010000')).toBe(false);
    expect(turned('4d4d002a000000080001011200030000000100080000')).toBe(true);
    expect(turned('49492a00080000000100120103000100000001000000')).toBe(false);
    expect(turned('49492a00080000000100120103000100000003000000')).toBe(true);
    // Another tag alone; none; a directory beyond the end, cut off, or none at all; another order of bytes.
    expect(turned('4d4d002a000000080001011000030000000100080000')).toBe(false);
    expect(turned('4d4d002a000000080000')).toBe(false);
    // Of a type or a count that it cannot have: one that is read after it may count.
    for (const wrong of ['0112000000000001000100000112000300000001000600000000', '0112000300000000000100000112000300000001000600000000']) expect(turned(`4d4d002a000000080002${wrong}`)).toBe(true);
    expect(turned('4d4d002a000000080001011200040000000100010006')).toBe(true);
    for (const damaged of ['4d4d002a00000100', '4d4d002a000000080002011200030000000100010000', '4d4d002a', '', '5858002a000000080000']) expect(turned(damaged)).toBe(true);
  });

  it('is none of a PNG, nor of any part of a header', async () => {
    expect(jpegHeader(await picture(40, 30).png().toBuffer())).toBeUndefined();
    const bytes = await photograph(40, 30);
    const pixels = bytes.indexOf(Buffer.from([0xff, 0xda])) + 14;
    expect(jpegHeader(bytes.subarray(0, pixels))).toBeDefined();
    for (let length = 0; length < pixels; length++) expect(jpegHeader(bytes.subarray(0, length))).toBeUndefined();
  });
});

describe('JPEGs', () => {
  it.each(asPilReadsThem)('are to the bit what PIL makes of them, whole, cropped and resized: $name', async ({ name, width, height, sha256: whole, crops }) => {
    const bytes = file(name);
    const pixels = await decode(bytes);
    expect(pixels).toMatchObject({ width, height });
    expect(sha256(pixels.rgb)).toBe(whole);
    for (const { box, side, sha256: expected } of crops) {
      const [left, top, right, bottom] = box as [number, number, number, number];
      const drawn: Crop = { box: { left, top, width: right - left, height: bottom - top }, side, window: side, flip: false };
      expect(sha256(await cropAndResize(pixels, drawn)), `${box.join()} to ${side}`).toBe(expected);
      const found = await decodeCrop(bytes, () => drawn);
      if (found) expect(sha256(found.rgb), `${box.join()} to ${side} in one go`).toBe(expected);
      expect(found === undefined).toBe((width <= 64 && height <= 64) || /restarts|arithmetic/.test(name));
    }
  });

  it('are decoded without sharp, and to the same bits', async () => {
    for (const options of [{ quality: 20 }, { quality: 95 }, { quality: 80, optimiseCoding: false }, { progressive: true }, { chromaSubsampling: '4:4:4' }]) {
      for (const [width, height] of [[1, 1], [2, 3], [7, 16], [8, 8], [15, 17], [16, 5], [32, 32], [33, 31], [64, 64], [101, 99], [300, 255]] as const) {
        const bytes = await photograph(width, height, options);
        const expected = await outcome(plainDecode(bytes));
        for (const jpeg of [bytes, withJfif(bytes)]) {
          const found = await decodeJpeg(jpeg);
          expect(found, `${width}×${height}`).toBeDefined();
          expect(await outcome(Promise.resolve(found!))).toEqual(expected);
        }
      }
    }
    for (const image of [picture(40, 30).toColourspace('b-w').jpeg(), picture(40, 30).jpeg().withIccProfile('p3'), picture(40, 30).jpeg().withMetadata({ orientation: 1 })]) {
      const bytes = await image.toBuffer();
      expect(await outcome(decodeJpeg(bytes) as Promise<Pixels>)).toEqual(await outcome(plainDecode(bytes)));
    }
  });

  it.each(others)('are left to sharp where they are not plain: %s', async (name, make) => {
    const bytes = await make();
    expect(await decodeJpeg(bytes)).toBeUndefined();
    expect(await outcome(decode(bytes))).toEqual(await outcome(plainDecode(bytes, !name.startsWith('CMYK'))));
  });

  it('are left to sharp where they are very large', async () => {
    const bytes = await sharp({ create: { width: 9000, height: 4000, channels: 3, background: 'red' } }).jpeg().toBuffer();
    expect(await decodeJpeg(bytes)).toBeUndefined();
  });

  it('are refused or not as by sharp alone, wherever they are cut off or damaged', async () => {
    const random = new RandomStream(1, 'damage');
    const refusals = { some: 0, none: 0 };
    for (const bytes of [await photograph(32, 32), await photograph(70, 90, { progressive: true }), file('restarts-37x83.jpg'), file('422-37x83.jpg'), file('grey-37x83.jpg')]) {
      const damaged = Array.from({ length: 100 }, () => {
        const copy = Buffer.from(bytes);
        for (let i = 0; i <= random.integer(3); i++) copy[random.integer(copy.length)] = random.integer(256);
        return copy;
      });
      const cut = Array.from({ length: 40 }, (_, i) => bytes.subarray(0, bytes.length - 1 - i * Math.floor(bytes.length / 40)));
      // Damage that no decoder notices makes sums too large for vector instructions: another wrong picture, so only its size counts.
      const told = (found: unknown): unknown => (typeof found === 'string' ? found : (found as unknown[]).slice(0, 2));
      for (const jpeg of [...damaged, ...cut]) {
        const expected = await outcome(plainDecode(jpeg));
        // What begins like no image is refused before libvips is asked.
        if (jpeg[0] === 0xff && jpeg[1] === 0xd8 && jpeg[2] === 0xff) expect(told(await outcome(decode(jpeg)))).toEqual(told(expected));
        refusals[typeof expected === 'string' ? 'some' : 'none']++;
      }
    }
    expect(refusals.some).toBeGreaterThan(150);
    expect(refusals.none).toBeGreaterThan(150);
  });

  it('are decoded by their own tables alone, whatever was decoded before', async () => {
    const bytes = await photograph(70, 66);
    const without = (marker: number): Buffer => {
      const at = bytes.indexOf(Buffer.from([0xff, marker]));
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 2 + bytes.readUInt16BE(at + 2))]);
    };
    for (const file of [without(0xdb), without(0xc4)]) {
      expect(await decodeJpeg(bytes)).toBeDefined();
      expect(await outcome(decode(file))).toEqual(await outcome(plainDecode(file)));
      expect(await decodeJpeg(bytes)).toBeDefined();
      const drawn: Crop = { box: { left: 0, top: 0, width: 60, height: 60 }, side: 32, window: 32, flip: false };
      expect(await decodeCrop(file, () => drawn)).toEqual(file.indexOf(Buffer.from([0xff, 0xdb])) < 0 ? undefined : await decodeCrop(file, () => drawn));
    }
  });

  it('are decoded after any number of damaged ones', async () => {
    const bytes = await photograph(16, 16);
    const cut = Buffer.concat([bytes.subarray(0, bytes.length - 20), Buffer.from([0xff, 0xd9])]);
    for (let i = 0; i < 500; i++) expect(await decodeJpeg(cut)).toBeUndefined();
    expect(await outcome(decodeJpeg(bytes) as Promise<Pixels>)).toEqual(await outcome(plainDecode(bytes)));
  });
});

describe('colour profiles', () => {
  it('change no number, as in PIL', async () => {
    for (const file of [picture(300, 200).jpeg(), picture(40, 30).png(), picture(40, 30).webp({ lossless: true })]) {
      const bytes = await file.withIccProfile('p3').toBuffer();
      expect(await outcome(decode(bytes))).toEqual(await outcome(plainDecode(bytes, true)));
      expect(await outcome(decode(bytes))).not.toEqual(await outcome(plainDecode(bytes, false)));
    }
  });
});

describe('CMYK', () => {
  it('is turned into RGB by its own profile, also where the header is not understood', async () => {
    const bytes = await picture(40, 30).withIccProfile('cmyk').jpeg().toBuffer();
    // Within the profile's table from CMYK: other colours than those of the profile that is taken where there is none.
    const profile = bytes.indexOf('ICC_PROFILE') + 14;
    for (let at = profile + 5000; at < profile + 50_000; at++) bytes[at]! ^= 0x30;
    // A marker may begin with any number of these.
    const filled = Buffer.concat([bytes.subarray(0, 2), Buffer.from([0xff]), bytes.subarray(2)]);
    expect(jpegHeader(filled)).toBeUndefined();
    for (const file of [bytes, filled]) {
      expect(await outcome(plainDecode(file, false))).not.toEqual(await outcome(plainDecode(file, true)));
      expect(await outcome(decode(file))).toEqual(await outcome(plainDecode(file, false)));
    }
  });
});

describe('photographs', () => {
  const [width, height] = [301, 203];
  const crop = (left: number, top: number, w: number, h: number, side: number, window = side): Crop => ({ box: { left, top, width: w, height: h }, side, window, flip: false });
  const crops: [string, Crop][] = [
    ['the top left corner', crop(0, 0, 150, 101, 96)],
    ['the bottom right corner', crop(151, 102, 150, 101, 96)],
    ['all of it', crop(0, 0, width, height, 128)],
    ['a square in the middle, and a window of that', crop(49, 0, 203, 203, 146, 128)],
    ['one that need not be resized', crop(20, 30, 64, 64, 64)],
    ['a small one, enlarged', crop(260, 3, 41, 30, 96)],
    ['one enlarged in one direction', crop(0, 150, 301, 53, 96)],
    ['one pixel', crop(300, 202, 1, 1, 96)],
  ];

  it.each(crops)('decoded and cropped in one go are the same bits: %s', async (_, drawn) => {
    for (const options of [{}, { chromaSubsampling: '4:4:4' }, { progressive: true }]) {
      const bytes = await photograph(width, height, options);
      const found = await decodeCrop(bytes, (size) => {
        expect(size).toMatchObject({ width, height });
        return drawn;
      });
      expect(found?.crop).toBe(drawn);
      expect(Buffer.from(found!.rgb).equals(Buffer.from(await cropAndResize(await plainDecode(bytes), drawn)))).toBe(true);
    }
  });

  it('are decoded whole first where that alone tells their size, or they are small', async () => {
    const never = (): Crop => expect.unreachable('A crop was drawn.');
    const files = [
      picture(width, height).jpeg().withMetadata({ orientation: 6 }),
      picture(width, height).toColourspace('cmyk').jpeg(),
      picture(width, height).png(),
      picture(64, 64).jpeg(),
    ];
    for (const file of files) expect(await decodeCrop(await file.toBuffer(), never)).toBeUndefined();
  });

  it('that are cut off are refused though the crop is there', async () => {
    const drawn = crop(0, 0, 100, 20, 20);
    for (const progressive of [false, true]) {
      const bytes = await photograph(width, height, { progressive });
      expect(await decodeCrop(bytes, () => drawn)).toBeDefined();
      for (const length of [bytes.length - 1, bytes.length - 2, bytes.length - 2000, Math.floor(bytes.length / 2)]) expect(await decodeCrop(bytes.subarray(0, length), () => drawn)).toBeUndefined();
      await expect(decode(bytes.subarray(0, bytes.length - 2000))).rejects.toThrow('premature end');
    }
  });

  it('with restarts are decoded whole first', async () => {
    expect(await decodeCrop(file('restarts-150x131.jpg'), () => expect.unreachable('A crop was drawn.'))).toBeUndefined();
  });

  it('that are damaged below the crop are the same bits', async () => {
    const bytes = await photograph(width, height);
    const drawn = crop(0, 0, 301, 90, 64);
    const random = new RandomStream(3, 'damage');
    for (let i = 0; i < 20; i++) {
      const damaged = Buffer.from(bytes);
      const from = Math.floor(bytes.length * 0.7);
      for (let at = from + random.integer(500); at < bytes.length - 2; at += 1 + random.integer(200)) damaged[at] = random.integer(256);
      const found = await decodeCrop(damaged, () => drawn);
      expect(Buffer.from(found!.rgb).equals(Buffer.from(await cropAndResize(await plainDecode(damaged), drawn)))).toBe(true);
    }
  });

  it('make the same batches as whole decoding does, beside files that need it', async () => {
    const folder = temporaryFolder();
    const files = [await photograph(width, height), await picture(150, 220).jpeg().withMetadata({ orientation: 8 }).toBuffer(), await picture(90, 130).png().toBuffer(), await photograph(40, 40)];
    files.forEach((bytes, i) => write(folder, `${i}.${i === 2 ? 'png' : 'jpg'}`, bytes));
    const { readerSpec: reader } = await openImageSource(dataConfig({ path: folder, holdout: 0 }), 'train', 0);
    const settings = { reader, length: 4, imageSize: 96, seed: 3, randomCrop: { scale: [0.2, 1], ratio: [3 / 4, 4 / 3], flip: 0.5 }, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4], maxUnreadable: 0 } as const;
    const work = await ImageWork.open(settings);
    const { images } = await work.run({ indices: Uint32Array.of(2, 0, 1, 3), augment: { epoch: 5 } });
    const expected = new Float32Array(images.length);
    for (const [place, index] of [2, 0, 1, 3].entries()) {
      const pixels = await plainDecode(files[index]!);
      const drawn = randomCrop(new RandomStream(3, 'augment', 5, index), pixels.width, pixels.height, 96, settings.randomCrop);
      await writeNormalised(await cropAndResize(pixels, drawn), 96, drawn.flip, normalisationTable(settings.mean, settings.std), expected, place * 3 * 96 * 96);
    }
    expect(Buffer.from(images.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
    work.close();
  });
});
