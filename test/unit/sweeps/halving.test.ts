import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configurations, halve, isDropped, rungs, survivorCount, withDropped } from '../../../extension/core/sweeps/halving';
import type { SweepRecord } from '../../../extension/core/sweeps/record';

const config = { metric: 'knn', factor: 3, min_epochs: 5 } as const;
const cell = (ratio: number, seed: number) => ({ name: `r${ratio}-s${seed}`, values: { 'masking.ratio': ratio, seed }, identity: `${ratio}/${seed}` });
const record: SweepRecord = { name: 'study', experimentFile: '/lab/study.mim.yaml', startedAt: '2026-01-01T00:00:00.000Z', cells: [cell(0.5, 0), cell(0.5, 1), cell(0.7, 0), { ...cell(0.7, 1), withdrawn: true }] };

describe('successive halving', () => {
  it('compares configurations, which are all seeds together', () => {
    expect(configurations(record)).toEqual([[0, 1], [2]]);
  });

  it('has rungs before the end, each the factor as far', () => {
    expect(rungs(config, 100)).toEqual([5, 15, 45]);
    expect(rungs(config, 45)).toEqual([5, 15]);
    expect(rungs(config, 5)).toEqual([]);
  });

  it('keeps the best, the highest accuracy or the lowest loss; what was not measured stays behind', () => {
    const results = [0.3, undefined, 0.5, 0.4].map((value, index) => ({ cells: [index], value }));
    expect(halve(config, results).kept.map(({ value }) => value)).toEqual([0.5]);
    expect(halve({ ...config, metric: 'loss', factor: 2 }, results).kept.map(({ value }) => value)).toEqual([0.3, 0.4]);
  });

  it('always keeps one and loses none', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.double({ noNaN: true, min: 0, max: 1 }), { nil: undefined }), { minLength: 1, maxLength: 30 }), fc.integer({ min: 2, max: 10 }), (values, factor) => {
        const { kept, dropped } = halve({ ...config, factor }, values.map((value, index) => ({ cells: [index], value })));
        expect(kept).toHaveLength(survivorCount({ ...config, factor }, values.length));
        expect([...kept, ...dropped].map(({ cells }) => cells[0]).sort((a, b) => a! - b!)).toEqual(values.map((_, index) => index));
        const worst = Math.min(...kept.map(({ value }) => value ?? -1));
        for (const { value } of dropped) expect(value ?? -1).toBeLessThanOrEqual(worst);
      }),
    );
  });

  it('writes who stayed behind, where and why', () => {
    const after = withDropped(record, config, 5, [{ cells: [0, 1], value: 0.25 }]);
    expect(after.cells.map(({ dropped }) => dropped?.value)).toEqual([0.25, 0.25, undefined, undefined]);
    expect([isDropped(after, [0, 1]), isDropped(after, [0, 1], 1), isDropped(after, [0, 1], 5), isDropped(after, [2])]).toEqual([true, false, true, false]);
  });
});
