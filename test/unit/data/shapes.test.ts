import { describe, expect, it } from 'vitest';
import { ShapesReader, ShapesSource } from '../../../extension/training/data/shapes-source';
import type { Pixels } from '../../../extension/training/data/source';

const spec = { kind: 'shapes', seed: 3, split: 'train', imageSize: 32 } as const;
const drawn = (index: number, changes: Partial<{ seed: number; split: 'train' | 'test'; imageSize: number }> = {}) =>
  new ShapesReader({ ...spec, ...changes }).read(index) as { kind: 'pixels' } & Pixels;

describe('shapes', () => {
  it('an image is a pure function of seed, split and index', () => {
    expect(drawn(17)).toEqual(drawn(17));
    expect(drawn(17).rgb).not.toEqual(drawn(27).rgb);
    expect(drawn(17).rgb).not.toEqual(drawn(17, { seed: 4 }).rgb);
    expect(drawn(17).rgb).not.toEqual(drawn(17, { split: 'test' }).rgb);
  });

  it('any size can be drawn', () => {
    for (const imageSize of [1, 20, 64]) expect(drawn(5, { imageSize }).rgb).toHaveLength(3 * imageSize * imageSize);
  });

  it('ten balanced classes, named', () => {
    const source = new ShapesSource(spec, 50);
    const counts = new Map<number, number>();
    for (let i = 0; i < 50; i++) counts.set(source.label(i), (counts.get(source.label(i)) ?? 0) + 1);
    expect([...counts.values()]).toEqual(Array.from({ length: 10 }, () => 5));
    expect(source.classNames).toContain('checked star');
  });

  it('the class cannot be told from mean pixels', () => {
    const perClass = 200;
    const means = Array.from({ length: 10 }, () => new Float64Array(3072));
    for (let i = 0; i < 10 * perClass; i++) drawn(i).rgb.forEach((value, k) => (means[i % 10]![k]! += value / perClass));
    const distance = (rgb: Uint8Array, mean: Float64Array) => rgb.reduce((sum, value, k) => sum + (value - mean[k]!) ** 2, 0);
    let right = 0;
    for (let i = 0; i < 500; i++) {
      const { rgb } = drawn(i, { split: 'test' });
      const distances = means.map((mean) => distance(rgb, mean));
      if (distances.indexOf(Math.min(...distances)) === i % 10) right++;
    }
    expect(right / 500).toBeLessThan(0.25);
  });
});
