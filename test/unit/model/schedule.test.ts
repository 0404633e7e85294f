import { describe, expect, it } from 'vitest';
import { emaMomentum, learningRate, learningRateSchedule } from '../../../extension/training/schedule';
import { experiment } from './experiments';

describe('the learning rate', () => {
  const schedule = learningRateSchedule(experiment({ optimizer: { lr: 1 }, schedule: { epochs: 10, warmup_epochs: 2, min_lr: 0.1 } }), 5);

  it('warms up linearly from 0 by step, then falls on a half-cosine to its minimum', () => {
    expect(learningRate(0, schedule)).toBe(0);
    expect(learningRate(5, schedule)).toBeCloseTo(0.5, 12);
    expect(learningRate(10, schedule)).toBeCloseTo(1, 12);
    expect(learningRate(30, schedule)).toBeCloseTo(0.55, 12);
    expect(learningRate(49, schedule)).toBeCloseTo(0.1 + 0.9 * 0.5 * (1 + Math.cos((Math.PI * 7.8) / 8)), 12);
    expect(learningRate(50, schedule)).toBeCloseTo(0.1, 12);
    expect(learningRate(80, schedule)).toBeCloseTo(0.1, 12);
  });

  it('begins at its peak without a warm-up', () => {
    expect(learningRate(0, { ...schedule, warmupEpochs: 0 })).toBe(1);
  });

  it('is the minimum after a warm-up as long as the run', () => {
    expect(learningRate(50, { ...schedule, warmupEpochs: 10 })).toBeCloseTo(0.1, 12);
  });
});

describe('the averaging momentum', () => {
  it('of a self-teacher rises from its start to its end', () => {
    const taught = experiment({ teacher: { ema: { momentum: 0.9, momentum_end: 1 } } });
    expect(emaMomentum(0, 100, taught)).toBeCloseTo(0.9, 12);
    expect(emaMomentum(50, 100, taught)).toBeCloseTo(0.95, 12);
    expect(emaMomentum(100, 100, taught)).toBeCloseTo(1, 12);
  });

  it('of I-JEPA rises on a line', () => {
    const taught = experiment({ method: 'ijepa', teacher: { ema: { momentum: 0.9 } } });
    expect([0, 25, 100].map((step) => emaMomentum(step, 100, taught))).toEqual([0.9, expect.closeTo(0.925, 12), 1]);
  });

  it('of the kept average is constant, and absent where none is kept', () => {
    expect(emaMomentum(7, 100, experiment({ optimizer: { ema: 0.99 } }))).toBe(0.99);
    expect(emaMomentum(7, 100, experiment({}))).toBeUndefined();
  });
});
