import { describe, expect, it } from 'vitest';
import { costShape, type Calibration } from '../../../extension/training/calibration';
import { estimateRun, scaled } from '../../../extension/training/estimate';
import { resolvedOf } from '../config/experiment-of';

const measured: Calibration = { images: 1000, testImages: 200, startSeconds: 3, secondsPerStep: 0.5, checkpointBytes: 1e6, checkpointSeconds: 0.1, secondsPerFeature: 0.01, bytesPerRecord: 300 };
const study = (...lines: string[]) => resolvedOf('optimizer: { batch_size: 100 }', 'schedule: { epochs: 10 }', ...lines);

describe('the estimate of a run', () => {
  it('adds its steps, its start and its checkpoints; the newest two and the milestones stay on disk', () => {
    const estimate = estimateRun(study('checkpoints: { every: 1, keep_every: 4 }'), measured);
    expect(estimate.steps).toBe(100);
    // The state before the first step is saved too: 11 checkpoints, of which those of epochs 4, 8, 9 and 10 stay.
    expect(estimate.trainingSeconds).toBeCloseTo(3 + 100 * 0.5 + 11 * 0.1);
    expect(estimate.bytes).toBe(4 * 1e6 + 100 * 300);
    expect(estimate.featureSeconds).toBe(0);
  });

  it('passes over all images once for each time protocols are due, and for the baselines', () => {
    const once = estimateRun(study('evaluate: [{ protocol: knn, at: end, baselines: false }, { protocol: linear, at: end, baselines: false }]'), measured);
    expect(once.featureSeconds).toBeCloseTo(1200 * 0.01);
    const often = estimateRun(study('evaluate: [{ protocol: knn, every: 5 }]', 'optimizer: { batch_size: 100, ema: 0.99 }'), measured);
    expect(often.featureSeconds).toBeCloseTo((2 * 2 + 2) * 1200 * 0.01);
  });

  it('counts the epochs of fine-tuning, forward and backward, and none for its features', () => {
    const alone = estimateRun(study('evaluate: [{ protocol: finetune, at: end, epochs: 5, baselines: false }]'), measured);
    expect(alone.featureSeconds).toBeCloseTo(5 * (3 * 1000 + 200) * 0.01);
    const beside = estimateRun(study('evaluate: [{ protocol: finetune, at: end }, { protocol: knn, at: end, baselines: false }]'), measured);
    expect(beside.featureSeconds).toBeCloseTo(((1 + 2) * 20 * 3200 + 1200) * 0.01);
  });

  it('is scaled by multiply-accumulates where another shape was measured', () => {
    const [small, large] = [study(), study('optimizer: { batch_size: 200 }')];
    expect(scaled(measured, small, large).secondsPerStep).toBeCloseTo(1);
  });
});

describe('what a step costs', () => {
  it('does not depend on seeds, rates and schedules', () => {
    const base = costShape(study());
    expect(costShape(study('seed: 3', 'optimizer: { batch_size: 100, lr: 1e-3 }', 'schedule: { epochs: 3 }'))).toBe(base);
    for (const line of ['masking: { ratio: 0.5 }', 'student: vit_small_patch4', 'optimizer: { batch_size: 50 }', 'alignment: { adaptor: mlp }']) expect(costShape(study(line)), line).not.toBe(base);
  });
});
