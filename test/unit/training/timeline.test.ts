import { describe, expect, test } from 'vitest';
import { timelineOf, type Timeline } from '../../../extension/training/timeline';
import { resolvedOf } from '../config/experiment-of';

const small = ['data: { kind: shapes, size: 80, image_size: 16 }', 'student: { patch_size: 4, width: 16, depth: 2, heads: 2 }', 'teacher: { ema: {} }', 'masking: { ratio: 0.5 }'];
const optimizer = 'optimizer: { batch_size: 8, lr: 1e-3 }';

function timeline(...lines: readonly string[]): Timeline {
  return timelineOf(resolvedOf(...small, optimizer, ...lines), 80);
}

const stepsWhere = (line: Timeline, holds: (step: number) => boolean): number[] =>
  Array.from({ length: line.totalSteps }, (_, i) => i + 1).filter(holds);

describe('timeline', () => {
  test('counts whole batches', () => {
    expect(timelineOf(resolvedOf(...small, 'optimizer: { batch_size: 30, lr: 1e-3 }', 'schedule: { epochs: 2 }'), 80)).toMatchObject({ stepsPerEpoch: 2, scheduledSteps: 4, totalSteps: 4 });
  });

  test('max_steps ends the run, not the schedule', () => {
    expect(timeline('schedule: { epochs: 4, max_steps: 15 }')).toMatchObject({ scheduledSteps: 40, totalSteps: 15 });
  });

  test('saves every so many epochs, fractions of them too, and at the end', () => {
    const line = timeline('schedule: { epochs: 2.5 }', 'checkpoints: { every: 0.7 }');
    expect(stepsWhere(line, line.savesAfter)).toEqual([7, 14, 21, 25]);
  });

  test('`every` evaluates at its multiples alone, `at: end` at the end alone, both at both', () => {
    const line = timeline(
      'schedule: { epochs: 2.5 }',
      'evaluate: [{ protocol: knn, every: 1, k: 1 }, { protocol: knn, at: end, k: 2 }, { protocol: knn, every: 2, at: end, k: 3 }]',
    );
    const due = (step: number): number[] => line.evaluationsAfter(step).map(({ k }) => k);
    expect([10, 11, 20, 25].map(due)).toEqual([[1], [], [1, 3], [2, 3]]);
  });

  test('diagnoses at the start and the end where it is asked to, and at the multiples of `every`', () => {
    const due = (...lines: readonly string[]): number[] => {
      const line = timeline('schedule: { epochs: 2.5 }', ...lines);
      return [0, ...stepsWhere(line, () => true)].filter(line.diagnosesAfter);
    };
    expect(due()).toEqual([]);
    expect(due('diagnostics: {}')).toEqual([0, 25]);
    expect(due('diagnostics: { every: 0.7 }')).toEqual([0, 7, 14, 21, 25]);
  });

  test('nothing that is due lies between a step and its next pause', () => {
    const line = timeline('schedule: { epochs: 3.3 }', 'checkpoints: { every: 0.3 }', 'evaluate: [{ protocol: knn, every: 0.7 }]', 'diagnostics: { every: 0.4 }');
    for (let step = 0; step < line.totalSteps; step++) {
      const pause = line.nextPause(step);
      expect(pause).toBeGreaterThan(step);
      for (let between = step + 1; between < pause; between++) {
        expect(line.savesAfter(between) || line.evaluationsAfter(between).length > 0 || line.diagnosesAfter(between)).toBe(false);
      }
    }
    expect(line.nextPause(line.totalSteps - 1)).toBe(line.totalSteps);
  });
});
