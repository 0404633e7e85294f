import sharp, { type JpegOptions, type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePixels } from '../../../extension/training/data/decode';
import { jpegHeader } from '../../../extension/training/data/jpeg-header';
import { decodeSmallJpeg } from '../../../extension/training/data/small-jpeg';
import type { Pixels } from '../../../extension/training/data/source';
import { RandomStream } from '../../../extension/training/random';

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
async function plainDecode(bytes: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharp(bytes, { failOn: 'error' }).autoOrient().toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
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

/** Files that only sharp may decode. */
const others: [string, () => Promise<Buffer>][] = [
  ['progressive', () => photograph(40, 30, { progressive: true })],
  ['grey', () => picture(40, 30).toColourspace('b-w').jpeg().toBuffer()],
  ['CMYK', () => picture(40, 30).toColourspace('cmyk').jpeg().toBuffer()],
  ['CMYK with a profile', () => picture(40, 30).withIccProfile('cmyk').jpeg().toBuffer()],
  ['turned by EXIF', () => picture(40, 30).jpeg().withMetadata({ orientation: 6 }).toBuffer()],
  ['turned over by EXIF', () => picture(40, 30).jpeg().withMetadata({ orientation: 2 }).toBuffer()],
  ['with a colour profile', () => picture(40, 30).jpeg().withIccProfile('p3').toBuffer()],
  ['too wide', () => photograph(257, 30)],
  ['too high', () => photograph(30, 257)],
  ['PNG', () => picture(40, 30).png().toBuffer()],
  ['WebP', () => picture(40, 30).webp().toBuffer()],
];

describe('the header of a JPEG', () => {
  it('tells size, sampling, coding and what applications wrote', async () => {
    expect(jpegHeader(await photograph(50, 31))).toEqual({ width: 50, height: 31, sampling: [0x22, 0x11, 0x11], baseline: true, exif: false, restarts: false, plain: true });
    expect(jpegHeader(await photograph(9, 300, { progressive: true, chromaSubsampling: '4:4:4' }))).toEqual({ width: 9, height: 300, sampling: [0x11, 0x11, 0x11], baseline: false, exif: false, restarts: false, plain: true });
    expect(jpegHeader(withJfif(await photograph(50, 31)))).toMatchObject({ width: 50, plain: true });
    expect(jpegHeader(await picture(40, 30).jpeg().withMetadata({ orientation: 1 }).toBuffer())).toMatchObject({ exif: true, plain: false });
    expect(jpegHeader(await picture(40, 30).toColourspace('cmyk').jpeg().toBuffer())).toMatchObject({ sampling: { length: 4 }, plain: false });
  });

  it('is none of a PNG, nor of any part of a header', async () => {
    expect(jpegHeader(await picture(40, 30).png().toBuffer())).toBeUndefined();
    const bytes = await photograph(40, 30);
    const pixels = bytes.indexOf(Buffer.from([0xff, 0xda])) + 14;
    expect(jpegHeader(bytes.subarray(0, pixels))).toBeDefined();
    for (let length = 0; length < pixels; length++) expect(jpegHeader(bytes.subarray(0, length))).toBeUndefined();
  });
});

describe('small JPEGs', () => {
  it('are decoded without sharp, and to the same bits', async () => {
    for (const chromaSubsampling of ['4:2:0', '4:4:4']) {
      for (const [width, height] of [[1, 1], [2, 3], [7, 16], [8, 8], [15, 17], [16, 5], [32, 32], [33, 31], [64, 64], [101, 99], [256, 255]] as const) {
        for (const options of [{ quality: 20 }, { quality: 95 }, { quality: 80, optimiseCoding: false }]) {
          const bytes = await photograph(width, height, { ...options, chromaSubsampling });
          const expected = await outcome(plainDecode(bytes));
          for (const file of [bytes, withJfif(bytes)]) {
            const small = await decodeSmallJpeg(file);
            expect(small, `${width}×${height}`).toBeDefined();
            expect(await outcome(Promise.resolve(small!))).toEqual(expected);
          }
        }
      }
    }
  });

  it.each(others)('are left to sharp where they are not plain: %s', async (_, make) => {
    const bytes = await make();
    expect(await decodeSmallJpeg(bytes)).toBeUndefined();
    expect(await outcome(decode(bytes))).toEqual(await outcome(plainDecode(bytes)));
  });

  it('are refused or not as by sharp alone, wherever they are cut off or damaged', async () => {
    const bytes = await photograph(32, 32);
    const random = new RandomStream(1, 'damage');
    const damaged = Array.from({ length: 150 }, () => {
      const copy = Buffer.from(bytes);
      for (let i = 0; i <= random.integer(3); i++) copy[random.integer(copy.length)] = random.integer(256);
      return copy;
    });
    const cut = Array.from({ length: 40 }, (_, i) => bytes.subarray(0, bytes.length - 1 - i * Math.floor(bytes.length / 40)));
    const long = Buffer.concat([bytes, Buffer.from('after the end')]);
    // Damage that no decoder notices makes sums too large for vector instructions: another wrong picture, so only its size counts.
    const told = (found: unknown): unknown => (typeof found === 'string' ? found : (found as unknown[]).slice(0, 2));
    const refusals = { some: 0, none: 0 };
    for (const file of [...damaged, ...cut, long]) {
      const expected = await outcome(plainDecode(file));
      // What begins like no image is refused before libvips is asked.
      if (file[0] === 0xff && file[1] === 0xd8 && file[2] === 0xff) expect(told(await outcome(decode(file)))).toEqual(told(expected));
      refusals[typeof expected === 'string' ? 'some' : 'none']++;
    }
    expect(refusals.some).toBeGreaterThan(30);
    expect(refusals.none).toBeGreaterThan(30);
  });

  it('are decoded after any number of damaged ones', async () => {
    const bytes = await photograph(16, 16);
    const cut = bytes.subarray(0, bytes.length - 20);
    for (let i = 0; i < 5000; i++) expect(await decodeSmallJpeg(cut)).toBeUndefined();
    expect(await outcome(decodeSmallJpeg(bytes) as Promise<Pixels>)).toEqual(await outcome(plainDecode(bytes)));
  });
});
