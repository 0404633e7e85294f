/** Which pixels random erasing draws, and what takes their place. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTfjsBackend, onBackend } from '../../../extension/training/engines/tfjs-backend';
import { drawErasing, eraseImages } from '../../../extension/training/finetune/random-erasing';
import { drawStream } from '../../../extension/training/random';

const SIDE = 32;
const PIXELS = SIDE * SIDE;

beforeAll(() => loadTfjsBackend('cpu'));

function drawn(images: number, probability: number, step = 0) {
  const { erased, erased_noise: noise } = drawErasing(drawStream(1, step, 0), images, SIDE, probability);
  return { erased: erased!.data as Float32Array, noise: noise!.data as Float32Array };
}

/** Height and width of what is erased of each image; none where nothing is. */
function rectangles(erased: Float32Array): { height: number; width: number }[] {
  return Array.from({ length: erased.length / PIXELS }, (_, image) => {
    const hit = [...erased.subarray(image * PIXELS, (image + 1) * PIXELS).keys()].filter((at) => erased[image * PIXELS + at] === 1);
    if (hit.length === 0) return [];
    const extent = (at: readonly number[]): number => Math.max(...at) - Math.min(...at) + 1;
    const [height, width] = [extent(hit.map((at) => Math.floor(at / SIDE))), extent(hit.map((at) => at % SIDE))];
    expect(height * width, 'one rectangle').toBe(hit.length);
    return [{ height, width }];
  }).flat();
}

describe('random erasing', () => {
  it('is the same for the same seed and step', () => {
    expect(drawn(16, 0.25)).toEqual(drawn(16, 0.25));
    expect(drawn(16, 0.25).erased).not.toEqual(drawn(16, 0.25, 1).erased);
  });

  it('erases a rectangle of as many images as is asked for, of 2 % to a third of the area', () => {
    const found = rectangles(drawn(2000, 0.25).erased);
    expect(found.length / 2000).toBeGreaterThan(0.21);
    expect(found.length / 2000).toBeLessThan(0.29);
    for (const { height, width } of found) {
      expect(height * width).toBeGreaterThan(0.01 * PIXELS);
      expect(height * width).toBeLessThan(0.37 * PIXELS);
      expect(height / width).toBeGreaterThan(0.2);
      expect(height / width).toBeLessThan(5);
    }
    // As often upright as lying.
    const upright = found.filter(({ height, width }) => height > width).length / found.filter(({ height, width }) => height !== width).length;
    expect(Math.abs(upright - 0.5)).toBeLessThan(0.1);
  });

  it('puts standard normal noise of each channel in its place, and nothing elsewhere', () => {
    const { erased, noise } = drawn(200, 1);
    const isErased = (at: number): boolean => erased[Math.floor(at / (3 * PIXELS)) * PIXELS + (at % PIXELS)] === 1;
    const inside = [...noise].filter((_, at) => isErased(at));
    expect(noise.every((value, at) => isErased(at) || value === 0)).toBe(true);
    const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
    expect(mean).toBeCloseTo(0, 1);
    expect(inside.reduce((sum, value) => sum + value * value, 0) / inside.length).toBeCloseTo(1, 1);
    expect(new Set(inside).size).toBeGreaterThan(0.99 * inside.length);
  });

  it('leaves images that are not drawn as they are', () => {
    const { erased, noise } = drawn(2, 0);
    const images = onBackend('cpu', () =>
      tf.tidy(() => eraseImages(tf.fill([2, 3, SIDE, SIDE], 3), { erased: tf.tensor4d(erased, [2, 1, SIDE, SIDE]), erased_noise: tf.tensor4d(noise, [2, 3, SIDE, SIDE]) }).dataSync()),
    );
    expect(images.every((value) => value === 3)).toBe(true);
  });
});
