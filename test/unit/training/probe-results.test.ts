import { describe, expect, test } from 'vitest';
import { evaluationSchema, type EvaluationConfig } from '../../../extension/core/config/schema';
import { resultName } from '../../../extension/training/probe-results';

const config = (input: Partial<EvaluationConfig>): EvaluationConfig => evaluationSchema.parse({ protocol: 'linear', ...input });

describe('names of results', () => {
  test('the defaults have the shortest name', () => {
    expect(resultName(config({}), 'student')).toBe('linear');
    expect(resultName(config({ protocol: 'knn' }), 'teacher')).toBe('knn-teacher');
  });

  test('every knob of a protocol that differs is in the name', () => {
    const variants = [
      {}, { preset: 'mae' }, { epochs: 5 }, { features: 'mean' }, { features: 'both' },
      { protocol: 'knn' }, { protocol: 'knn', k: 5 }, { protocol: 'knn', temperature: 0.1 }, { protocol: 'knn', features: 'mean' },
    ] satisfies Partial<EvaluationConfig>[];
    const names = variants.map((variant) => resultName(config(variant), 'student'));
    expect(new Set(names).size).toBe(names.length);
  });

  test('when it is run makes no difference to what it is', () => {
    expect(resultName(config({ every: 3 }), 'random')).toBe(resultName(config({ at: 'end' }), 'random'));
  });
});
