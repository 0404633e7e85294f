import { describe, expect, it } from 'vitest';
import { centreCrop, randomCrop, type Crop } from '../../../extension/training/data/crop';
import { RandomStream } from '../../../extension/training/random';

const official = { scale: [0.2, 1], ratio: [3 / 4, 4 / 3], flip: 0.5 } as const;
const draws = (count: number, width: number, height: number, options: Parameters<typeof randomCrop>[4] = official): Crop[] =>
  Array.from({ length: count }, (_, i) => randomCrop(new RandomStream(0, 'test', i), width, height, 224, options));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('RandomResizedCrop', () => {
  it('boxes lie within the image, whatever its shape', () => {
    for (const [width, height] of [[500, 375], [32, 32], [1, 1], [1, 900], [900, 1], [7, 3]] as const) {
      for (const { box } of draws(500, width, height)) {
        expect(Math.min(box.left, box.top, box.width - 1, box.height - 1)).toBeGreaterThanOrEqual(0);
        expect(box.left + box.width).toBeLessThanOrEqual(width);
        expect(box.top + box.height).toBeLessThanOrEqual(height);
      }
    }
  });

  it('area is uniform in the range, ratio log-uniform, flips as often as asked', () => {
    const crops = draws(20_000, 10_000, 10_000, { ...official, scale: [0.1, 0.5] });
    const areas = crops.map(({ box }) => (box.width * box.height) / 1e8);
    const logRatios = crops.map(({ box }) => Math.log(box.width / box.height));
    expect(Math.min(...areas)).toBeGreaterThan(0.0999);
    expect(Math.max(...areas)).toBeLessThan(0.5001);
    expect(mean(areas)).toBeCloseTo(0.3, 2);
    expect(mean(areas.map((area) => (area - 0.3) ** 2))).toBeCloseTo(0.4 ** 2 / 12, 3);
    expect(Math.max(...logRatios.map(Math.abs))).toBeLessThan(Math.log(4 / 3) + 1e-3);
    expect(mean(logRatios)).toBeCloseTo(0, 2);
    expect(mean(logRatios.map((ratio) => ratio ** 2))).toBeCloseTo(Math.log(4 / 3) ** 2 / 3, 2);
    expect(mean(crops.map(({ flip }) => Number(flip)))).toBeCloseTo(0.5, 1);
    const places = crops.map(({ box }) => box.left / (10_000 - box.width));
    expect(mean(places)).toBeCloseTo(0.5, 2);
  });

  it('an image too narrow for any box gives its centre in the nearest ratio', () => {
    const [wide] = draws(1, 1000, 10);
    expect(wide!.box).toEqual({ left: Math.floor((1000 - 13) / 2), top: 0, width: 13, height: 10 });
    const [tall] = draws(1, 10, 1000);
    expect(tall!.box).toEqual({ left: 0, top: Math.floor((1000 - 13) / 2), width: 10, height: 13 });
  });
});

describe('the evaluation crop', () => {
  it('is the centre at 256/224 from 96 px on, the whole image below', () => {
    expect(centreCrop(500, 375, 224)).toEqual({ box: { left: 62, top: 0, width: 375, height: 375 }, side: 256, window: 224, flip: false });
    expect(centreCrop(48, 32, 32)).toEqual({ box: { left: 0, top: 0, width: 48, height: 32 }, side: 32, window: 32, flip: false });
  });
});
