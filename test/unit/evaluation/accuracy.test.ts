import { describe, expect, it } from 'vitest';
import { AccuracyCounter, countClasses } from '../../../extension/training/evaluation/accuracy';

describe('accuracy', () => {
  it('counts first choices, per class and in the confusion matrix', () => {
    const counter = new AccuracyCounter(3);
    counter.add(0, [2, 1, 0]);
    counter.add(0, [0, 1, 0]);
    counter.add(2, [0, 1, 5]);
    expect(counter.result()).toEqual({
      top1: 2 / 3,
      perClass: [0.5, null, 1],
      confusion: [
        [1, 1, 0],
        [0, 0, 0],
        [0, 0, 1],
      ],
    });
  });

  it('reports the first five from ten classes on', () => {
    const counter = new AccuracyCounter(10);
    const scores = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
    for (const label of [0, 4, 5, 9]) counter.add(label, scores);
    expect(counter.result()).toMatchObject({ top1: 0.25, top5: 0.5 });
  });

  it('gives ties to the lower class', () => {
    const counter = new AccuracyCounter(3);
    counter.add(0, [1, 1, 1]);
    counter.add(1, [1, 1, 1]);
    expect(counter.result().top1).toBe(0.5);
    expect(counter.result().confusion![1]).toEqual([1, 0, 0]);
  });

  it('counts the answer of a diverged head as wrong', () => {
    const counter = new AccuracyCounter(2);
    counter.add(0, [NaN, NaN]);
    counter.add(1, [0, Infinity]);
    expect(counter.top1).toBe(0);
  });

  it('reads from an offset', () => {
    const counter = new AccuracyCounter(2);
    counter.add(1, [9, 0, 0, 1], 2);
    expect(counter.top1).toBe(1);
  });

  it('leaves the confusion matrix of many classes out', () => {
    expect(new AccuracyCounter(257).result()).not.toHaveProperty('confusion');
  });

  it('takes the number of classes from the labels where more are seen than known', () => {
    expect(countClasses(undefined, Int32Array.of(0, 4))).toBe(5);
    expect(countClasses(10, Int32Array.of(0, 4))).toBe(10);
  });
});
