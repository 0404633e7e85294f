import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { bicubicFilter, PIL_BICUBIC } from '../../../extension/training/bicubic';
import type { Crop } from '../../../extension/training/data/crop';
import { decodePixels } from '../../../extension/training/data/decode';
import { allocatePixelCache, PixelCache } from '../../../extension/training/data/pixel-cache';
import { ShapesReader } from '../../../extension/training/data/shapes-source';
import { UnreadableImage, type Pixels } from '../../../extension/training/data/source';
import { cropAndResize, normalisationTable, writeNormalised } from '../../../extension/training/data/transform';
import { RandomStream } from '../../../extension/training/random';
import pilBicubic from './files/pil-bicubic.json';
import { png } from './fixtures';

const shape = (size: number): Pixels => new ShapesReader({ kind: 'shapes', seed: 1, split: 'train', imageSize: size }).read(7) as { kind: 'pixels' } & Pixels;
const decode = (bytes: Uint8Array): Promise<Pixels> => decodePixels({ kind: 'encoded', bytes });

describe('bicubic resizing', () => {
  const crops: [string, number, Crop][] = [
    ['shrinking', 64, { box: { left: 0, top: 0, width: 64, height: 64 }, side: 32, window: 32, flip: false }],
    ['shrinking by an odd ratio', 64, { box: { left: 2, top: 1, width: 57, height: 49 }, side: 20, window: 20, flip: false }],
    ['with a centred window', 64, { box: { left: 1, top: 3, width: 60, height: 60 }, side: 40, window: 35, flip: false }],
    ['not at all', 32, { box: { left: 0, top: 0, width: 32, height: 32 }, side: 32, window: 32, flip: false }],
  ];

  it.each(crops)('agrees with sharp where that does not enlarge: %s', async (_, size, crop) => {
    const pixels = shape(size);
    const ours = await cropAndResize(pixels, crop);
    const start = Math.floor((crop.side - crop.window) / 2);
    const theirs = await sharp(pixels.rgb, { raw: { width: size, height: size, channels: 3 } })
      .extract(crop.box)
      .resize(crop.side, crop.side, { fit: 'fill', kernel: 'cubic' })
      .extract({ left: start, top: start, width: crop.window, height: crop.window })
      .raw()
      .toBuffer();
    const differences = Array.from(theirs, (value, i) => Math.abs(value - ours[i]!));
    // libvips rounds weights and positions more coarsely than PIL, whose arithmetic this is.
    expect(differences.reduce((sum, difference) => sum + difference, 0) / differences.length).toBeLessThan(1);
    expect(Math.max(...differences)).toBeLessThanOrEqual(12);
  });

  it('agrees with PIL to the last bit, enlarging and shrinking', async () => {
    const { width, height, rgb, cases } = pilBicubic;
    for (const { box, side, rgb: expected } of cases) {
      const [left, top, right, bottom] = box as [number, number, number, number];
      const crop: Crop = { box: { left, top, width: right - left, height: bottom - top }, side, window: side, flip: false };
      expect([...(await cropAndResize({ width, height, rgb: Uint8Array.from(rgb) }, crop))]).toEqual(expected);
    }
  });

  it('keeps an image that need not be resized', async () => {
    const pixels = shape(32);
    expect([...(await cropAndResize(pixels, crops[3]![2]))]).toEqual([...pixels.rgb]);
  });

  it('keeps a ramp where it is when enlarging', async () => {
    const ramp: Pixels = { width: 16, height: 2, rgb: Uint8Array.from({ length: 96 }, (_, i) => 20 + 10 * (Math.floor(i / 3) % 16)) };
    const crop: Crop = { box: { left: 0, top: 0, width: 16, height: 2 }, side: 40, window: 40, flip: false };
    const enlarged = await cropAndResize(ramp, crop);
    for (let x = 6; x < 34; x++) expect(Math.abs(enlarged[3 * x]! - (20 + 10 * (((x + 0.5) * 16) / 40 - 0.5)))).toBeLessThan(1.5);
  });

  it('keeps plain colour, at every scale', async () => {
    const pixels: Pixels = { width: 9, height: 5, rgb: new Uint8Array(135).fill(200) };
    for (const side of [1, 4, 33]) {
      const crop = { box: { left: 1, top: 1, width: 7, height: 3 }, side, window: side, flip: false };
      expect(new Set(await cropAndResize(pixels, crop))).toEqual(new Set([200]));
    }
  });

  it('sums whole numbers as the filter says, one sample after another', async () => {
    const random = new RandomStream(2, 'bicubic');
    for (let i = 0; i < 60; i++) {
      const [width, height] = [1 + random.integer(40), 1 + random.integer(40)];
      const pixels: Pixels = { width, height, rgb: Uint8Array.from({ length: width * height * 3 }, () => random.integer(256)) };
      const [left, top, side] = [random.integer(width), random.integer(height), 1 + random.integer(48)];
      const box = { left, top, width: 1 + random.integer(width - left), height: 1 + random.integer(height - top) };
      const crop: Crop = { box, side, window: 1 + random.integer(side), flip: false };
      expect([...(await cropAndResize(pixels, crop))]).toEqual([...slowBicubic(pixels, crop)]);
    }
  });
});

function slowBicubic({ width, rgb }: Pixels, { box, side, window }: Crop): Uint8ClampedArray {
  const start = Math.floor((side - window) / 2);
  const columns = bicubicFilter(box.width, side, PIL_BICUBIC, start, window);
  const rows = bicubicFilter(box.height, side, PIL_BICUBIC, start, window);
  const sum = ({ first, count, taps, weights }: typeof rows, out: number, sample: (at: number) => number): number => {
    let total = 2 ** 21;
    for (let k = 0; k < count[out]!; k++) total += halfAwayFromZero(weights[out * taps + k]! * 2 ** 22) * sample(first[out]! + k);
    return Math.floor(total / 2 ** 22);
  };
  const wide = Uint8ClampedArray.from({ length: box.height * window * 3 }, (_, i) => {
    const [y, x, c] = [Math.floor(i / (window * 3)), Math.floor(i / 3) % window, i % 3];
    return sum(columns, x, (at) => rgb[((box.top + y) * width + box.left + at) * 3 + c]!);
  });
  return Uint8ClampedArray.from({ length: window * window * 3 }, (_, i) => sum(rows, Math.floor(i / (window * 3)), (at) => wide[at * window * 3 + (i % (window * 3))]!));
}

function halfAwayFromZero(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}

describe('normalising', () => {
  it('gives (x/255 − mean)/std in planes, mirrored where asked', async () => {
    const table = normalisationTable([0.5, 0.4, 0.3], [0.1, 0.2, 0.4]);
    const target = new Float32Array(24);
    const rgb = Uint8Array.from({ length: 12 }, (_, i) => i * 20);
    await writeNormalised(rgb, 2, false, table, target, 12);
    expect(target[12]).toBeCloseTo((0 - 0.5) / 0.1, 5);
    expect(target[17]).toBeCloseTo((80 / 255 - 0.4) / 0.2, 5);
    expect(target[23]).toBeCloseTo((220 / 255 - 0.3) / 0.4, 5);
    expect([...target.subarray(0, 12)]).toEqual(new Array(12).fill(0));
    await writeNormalised(rgb, 2, true, table, target, 0);
    expect([target[0], target[1]]).toEqual([target[13], target[12]]);
  });
});

describe('decoding', () => {
  const corner = async (bytes: Uint8Array): Promise<number[]> => [...(await decode(bytes)).rgb.subarray(0, 3)];

  it('makes RGB of grey, alpha, palette, 16-bit and CMYK images', async () => {
    const base = sharp(await png(200, 100, 50));
    expect(await corner(await base.clone().ensureAlpha(0.3).png().toBuffer())).toEqual([200, 100, 50]);
    expect(await corner(await base.clone().png({ palette: true }).toBuffer())).toEqual([200, 100, 50]);
    expect(await corner(await base.clone().webp({ lossless: true }).toBuffer())).toEqual([200, 100, 50]);
    expect(await corner(await base.clone().toColourspace('rgb16').png().toBuffer())).toEqual([200, 100, 50]);
    const grey = await corner(await base.clone().greyscale().jpeg().toBuffer());
    expect(new Set(grey).size).toBe(1);
    const cmyk = await corner(await base.clone().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer());
    cmyk.forEach((value, c) => expect(Math.abs(value - [200, 100, 50][c]!)).toBeLessThan(40));
  });

  it('turns images upright by their EXIF orientation', async () => {
    const wide = await sharp({ create: { width: 12, height: 6, channels: 3, background: 'red' } }).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect(await decode(wide)).toMatchObject({ width: 6, height: 12 });
  });

  it('refuses what is damaged, cut off, of another format, or a bomb', async () => {
    const noise = await sharp(shape(64).rgb, { raw: { width: 64, height: 64, channels: 3 } }).jpeg().toBuffer();
    const bomb = await sharp({ create: { width: 12_000, height: 12_000, channels: 3, background: 'black' } }).png().toBuffer();
    const bad = [noise.subarray(0, 800), noise.subarray(0, 3), new Uint8Array(0), Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'), bomb];
    for (const bytes of bad) await expect(decode(bytes)).rejects.toBeInstanceOf(UnreadableImage);
  });

  it('a large image comes out at the size asked for', async () => {
    const pixels = shape(100);
    const rgb = await cropAndResize(pixels, { box: { left: 10, top: 0, width: 80, height: 90 }, side: 40, window: 30, flip: false });
    expect(rgb).toHaveLength(2700);
  });
});

describe('the cache of small images', () => {
  it('gives back what was put, in another thread’s view too, and leaves large images out', () => {
    const memory = allocatePixelCache(3);
    const here = new PixelCache(memory);
    here.put(1, shape(32));
    here.put(2, shape(65));
    const there = new PixelCache(structuredClone(memory));
    expect(there.get(0)).toBeUndefined();
    expect(there.get(1)).toMatchObject({ width: 32, height: 32 });
    expect([...there.get(1)!.rgb]).toEqual([...shape(32).rgb]);
    expect(there.get(2)).toBeUndefined();
  });

  it('stops when it is full', () => {
    const cache = new PixelCache(allocatePixelCache(1));
    cache.put(0, shape(64));
    cache.put(0, shape(64));
    expect([...cache.get(0)!.rgb]).toEqual([...shape(64).rgb]);
  });
});
