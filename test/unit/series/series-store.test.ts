import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { DisplayLine } from '../../../extension/core/series/display';
import { MovingAverage } from '../../../extension/core/series/moving-average';
import { SeriesStore } from '../../../extension/core/series/series-store';

function storeOf(values: readonly (number | null | undefined)[]): SeriesStore {
  const store = new SeriesStore();
  values.forEach((loss, i) => store.add({ step: i + 1, ...(loss !== undefined && { loss }) }));
  return store;
}

const display = (store: SeriesStore, options: { points?: number; smoothing?: number; range?: [number, number] } = {}) =>
  new DisplayLine(store, 'loss', { points: 1000, smoothing: 0, ...options }).points(store.steps);

it('few records are kept as they are', () => {
  const { x, y, hasExtent } = display(storeOf([1, 2, 4]));
  expect([x, y, hasExtent]).toEqual([[1, 2, 3], [1, 2, 4], false]);
});

it('many records take bounded room and lose no spike', () => {
  const values = Array.from({ length: 100_000 }, (_, i) => (i === 77_777 ? 1000 : i === 5 ? -50 : 1));
  const store = storeOf(values);
  expect(store.bins).toBeLessThanOrEqual(4096);
  expect(store.column('loss')!.mean.length).toBeLessThanOrEqual(4096);
  const { x, y, low, high } = display(store, { points: 500 });
  expect(x.length).toBeLessThanOrEqual(500);
  expect(x.at(-1)).toBe(100_000);
  expect([Math.max(...high), Math.min(...low)]).toEqual([1000, -50]);
  expect(Math.max(...y)).toBeLessThan(1000);
  expect(store.column('loss')).toMatchObject({ last: 1, lowest: -50, highest: 1000 });
});

it('a mean over bins is the mean of the records', () => {
  const store = storeOf(Array.from({ length: 65_536 }, (_, i) => i));
  const { y } = display(store, { points: 1 });
  expect(y[0]).toBeCloseTo(32_767.5, 1);
});

it('a record that is no number is a gap, however far it is zoomed out', () => {
  const values: (number | null)[] = Array.from({ length: 50_000 }, () => 1);
  values[20_000] = null;
  const { y, low } = display(storeOf(values), { points: 300 });
  expect(y.filter(Number.isNaN)).toHaveLength(1);
  expect(low.every((value) => value === 1)).toBe(true);
});

it('a metric that few records have has points there and no gaps between', () => {
  const values = Array.from({ length: 30_000 }, (_, i) => (i % 1000 === 0 ? i : undefined));
  const { y } = display(storeOf(values), { points: 100_000 });
  expect(y).toEqual(Array.from({ length: 30 }, (_, i) => i * 1000));
});

it('zooming shows the range in full, with a point beyond each end', () => {
  const store = storeOf(Array.from({ length: 1000 }, (_, i) => i));
  expect(display(store, { range: [500, 503] }).x).toEqual([499, 500, 501, 502, 503, 504]);
});

it('smoothing starts at the first value, passes over gaps and remembers what is out of sight', () => {
  const store = storeOf([10, null, 10, 0, 0]);
  const { y, low } = display(store, { smoothing: 0.5 });
  expect([y[0], y[1], y[2]]).toEqual([10, NaN, 10]);
  expect(y[3]).toBeCloseTo((0.25 * 10 + 0.125 * 10) / 0.875, 5);
  expect(low[3]).toBe(0);
  expect(display(store, { smoothing: 0.5, range: [4.5, 5] }).y.at(-1)).toBe(y[4]);
});

it('the moving average is debiased', () => {
  const average = new MovingAverage(0.9);
  expect(average.value).toBeNaN();
  for (const value of [1, 2, 3]) average.add(value);
  expect(average.value).toBeCloseTo((0.81 * 1 + 0.9 * 2 + 3) / (0.81 + 0.9 + 1), 10);
});

it('lists of levels become metrics named by level', () => {
  const store = new SeriesStore(8);
  store.add({ step: 1, time: '2026-01-01T00:00:00Z', level_losses: [1, 2], level_cosines: [0.5, 0.6], note: 'x' });
  expect(store.metrics).toEqual(['level_8', 'level_9', 'cosine_8', 'cosine_9']);
  expect(store.startTime).toBe(Date.parse('2026-01-01T00:00:00Z'));
});

it('dropping all leaves nothing behind', () => {
  const store = storeOf(Array.from({ length: 20_000 }, () => 7));
  store.clear();
  store.add({ step: 1, loss: 3 });
  expect(display(store)).toMatchObject({ x: [1], y: [3], low: [3], high: [3] });
});

it('a line that grows is the line that is made anew', () => {
  const value = fc.oneof({ weight: 8, arbitrary: fc.double({ min: -10, max: 10, noNaN: true }) }, fc.constant(null), fc.constant(undefined));
  const batch = fc.record({ records: fc.array(value, { maxLength: 40 }), repeat: fc.integer({ min: 1, max: 200 }), clear: fc.nat(12).map((n) => n === 0) });
  const options = fc.record({
    points: fc.integer({ min: 1, max: 300 }), smoothing: fc.constantFrom(0, 0.7, 0.99),
    range: fc.option(fc.tuple(fc.integer({ max: 3000 }), fc.integer({ min: 0, max: 9000 })).map(([from, size]): [number, number] => [from, from + size]), { nil: undefined }),
  });
  fc.assert(fc.property(fc.array(batch, { minLength: 1, maxLength: 12 }), options, (batches, chosen) => {
    const store = new SeriesStore();
    const growing = new DisplayLine(store, 'loss', chosen);
    let step = 0;
    for (const { records, repeat, clear } of batches) {
      if (clear) store.clear();
      for (let i = 0; i < repeat; i++) for (const loss of records) store.add({ step: ++step, ...(loss !== undefined && { loss }) });
      expect(growing.points(store.steps)).toEqual(new DisplayLine(store, 'loss', chosen).points(store.steps));
    }
  }), { numRuns: 60 });
});

it('seconds are counted anew where the first time comes late', () => {
  const store = storeOf([1, 2, 3]);
  const line = new DisplayLine(store, 'loss', { points: 100, smoothing: 0 });
  const seconds = (): number[] => Array.from(store.times, (time) => (time - store.startTime) / 1000);
  expect(line.points(seconds()).x).toEqual([]);
  for (const time of [50, 60]) store.add({ step: 4, loss: 4, time });
  expect(line.points(seconds()).x).toEqual([0, 10]);
});

it('the last bin of a line still takes records', () => {
  // One record more than there are bins: from now on a bin has two.
  const store = storeOf(Array.from({ length: 4097 }, () => 1));
  const line = new DisplayLine(store, 'loss', { points: 4096, smoothing: 0 });
  expect(line.points(store.steps).y.at(-1)).toBe(1);
  store.add({ step: 4098, loss: 3 });
  expect(line.points(store.steps).y.at(-1)).toBe(2);
});
