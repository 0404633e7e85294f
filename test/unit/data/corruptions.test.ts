import { describe, expect, it } from 'vitest';
import { corruptedBatches } from '../../../extension/training/data/corrupted-batches';
import { corrupt, CORRUPTIONS, SEVERITIES, strengthsFor, type Corruption, type Severity } from '../../../extension/training/data/corruptions';
import type { ImageBatch } from '../../../extension/training/data/loader';
import { normalisationTable, writeNormalised } from '../../../extension/training/data/transform';
import { RandomStream } from '../../../extension/training/random';

const SIDE = 32;
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** Smooth colours with an edge, in the middle of the range. */
function picture(seed = 0): Uint8Array {
  const random = new RandomStream(seed, 'picture');
  return Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, at) => 90 + (Math.floor(at / 3) % SIDE < SIDE / 2 ? 0 : 70) + (at % 3) * 10 + random.integer(12));
}

const corrupted = (corruption: Corruption, severity: Severity, seed = 0) => corrupt(picture(), SIDE, corruption, severity, new RandomStream(seed, 'test'));

function distance(a: Uint8Array, b: Uint8Array): number {
  expect(a).toHaveLength(b.length);
  return Math.sqrt(a.reduce((sum, byte, i) => sum + (byte - b[i]!) ** 2, 0) / a.length);
}

describe('corruptions', () => {
  it.each(CORRUPTIONS)('%s: a higher severity changes more, and nothing of its input', async (corruption) => {
    const before = picture();
    const distances = await Promise.all(SEVERITIES.map(async (severity) => distance(await corrupted(corruption, severity), before)));
    expect(distances[0]).toBeGreaterThan(0.5);
    distances.slice(1).forEach((far, i) => expect(far).toBeGreaterThan(0.95 * distances[i]!));
    // Coarser JPEG tables may by chance fit one picture better than the ones before.
    expect(distances[4]).toBeGreaterThan(1.05 * distances[0]!);
    expect(before).toEqual(picture());
    expect(await corrupted(corruption, 3)).toEqual(await corrupted(corruption, 3));
  });

  it('noise has the standard deviation of its severity and follows from the seed', async () => {
    const sigma = strengthsFor(SIDE).strengths.gaussian_noise[2];
    expect(distance(await corrupted('gaussian_noise', 3), picture()) / 255).toBeCloseTo(sigma, 2);
    expect(await corrupted('gaussian_noise', 3, 1)).not.toEqual(await corrupted('gaussian_noise', 3, 2));
    expect(await corrupted('contrast', 3, 1)).toEqual(await corrupted('contrast', 3, 2));
  });

  it('contrast keeps the mean of each channel and scales what differs from it', async () => {
    const [before, after] = [picture(), await corrupted('contrast', 2)];
    for (const channel of [0, 1, 2]) {
      const of = (image: Uint8Array) => image.filter((_, at) => at % 3 === channel);
      const mean = (image: Uint8Array) => image.reduce((sum, byte) => sum + byte, 0) / image.length;
      expect(mean(of(after))).toBeCloseTo(mean(of(before)), 0);
      of(before).forEach((byte, i) => expect(Math.abs(of(after)[i]! - (mean(of(before)) + 0.5 * (byte - mean(of(before)))))).toBeLessThan(0.51));
    }
  });

  it('small images have the severities of CIFAR-10-C, others those of ImageNet-C', () => {
    expect([strengthsFor(32).source, strengthsFor(64).source, strengthsFor(96).source]).toEqual(['CIFAR-10-C', 'CIFAR-10-C', 'ImageNet-C']);
    expect(strengthsFor(224).strengths.jpeg_compression).toEqual([25, 18, 15, 10, 7]);
  });
});

describe('corrupted batches', () => {
  async function* batches(sizes: readonly number[]): AsyncGenerator<ImageBatch> {
    const table = normalisationTable(MEAN, STD);
    let first = 0;
    for (const size of sizes) {
      const images = new Float32Array(size * 3 * SIDE * SIDE);
      for (let i = 0; i < size; i++) await writeNormalised(picture(first + i), SIDE, false, table, images, i * 3 * SIDE * SIDE);
      const indices = Int32Array.from({ length: size }, (_, i) => first + i);
      yield { images, indices, labels: indices };
      first += size;
    }
  }

  const read = async (sizes: readonly number[], corruption: Corruption, seed = 0): Promise<number[]> => {
    const all: number[] = [];
    for await (const { images } of corruptedBatches(batches(sizes), { corruption, severity: 2, seed, side: SIDE, mean: MEAN, std: STD })) for (const value of images) all.push(value);
    return all;
  };

  it('are what the corruption makes of the very bytes, normalised again', async () => {
    const table = normalisationTable(MEAN, STD);
    const expected = new Float32Array(3 * SIDE * SIDE);
    await writeNormalised(await corrupt(picture(0), SIDE, 'contrast', 2, new RandomStream(0, 'unread')), SIDE, false, table, expected, 0);
    expect(await read([1], 'contrast')).toEqual(Array.from(expected));
  });

  it('do not depend on how the images are batched, only on the seed and the image', async () => {
    expect(await read([3, 1], 'gaussian_noise')).toEqual(await read([2, 2], 'gaussian_noise'));
    expect(await read([2], 'gaussian_noise', 1)).not.toEqual(await read([2], 'gaussian_noise', 2));
  });
});
