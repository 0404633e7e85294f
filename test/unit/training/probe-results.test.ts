import { describe, expect, test } from 'vitest';
import { evaluationSchema, type EvaluationConfig } from '../../../extension/core/config/schema';
import { pendingEvaluations, resultName } from '../../../extension/training/probe-results';

const config = (input: Partial<EvaluationConfig>): EvaluationConfig => evaluationSchema.parse({ protocol: 'linear', ...input });

describe('names of results', () => {
  test('the defaults have the shortest name', () => {
    expect(resultName(config({}), 'student')).toBe('linear');
    expect(resultName(config({ protocol: 'knn' }), 'teacher')).toBe('knn-teacher');
  });

  test('every knob of a protocol that differs is in the name', () => {
    const variants = [
      {}, { preset: 'mae' }, { epochs: 5 }, { features: 'mean' }, { features: 'both' }, { label_fraction: 0.01 }, { label_fraction: 0.1 }, { label_fraction: 0.1, draws: 2 },
      { protocol: 'robustness' }, { protocol: 'robustness', features: 'mean' }, { protocol: 'robustness', epochs: 5 },
      { protocol: 'attentive' }, { protocol: 'attentive', preset: 'mae' }, { protocol: 'attentive', epochs: 5 }, { protocol: 'attentive', queries: 8 },
      { protocol: 'finetune' }, { protocol: 'finetune', preset: 'mae' }, { protocol: 'finetune', epochs: 5 }, { protocol: 'finetune', blr: 0.01 }, { protocol: 'finetune', layer_decay: 0.5 }, { protocol: 'finetune', drop_path: 0.5 }, { protocol: 'finetune', drop_path: 0.5, layer_decay: 0.5 },
      { protocol: 'knn' }, { protocol: 'knn', k: 5 }, { protocol: 'knn', temperature: 0.1 }, { protocol: 'knn', features: 'mean' },
    ] satisfies Partial<EvaluationConfig>[];
    const names = variants.map((variant) => resultName(config(variant), 'student'));
    expect(new Set(names).size).toBe(names.length);
  });

  test('a layer has a name of its own', () => {
    expect(resultName(config({ layers: 'all', features: 'mean' }), 'random', 3)).toBe('linear-mean-l3-random');
  });

  test('what a protocol does not read is not in the name', () => {
    expect(resultName(config({ protocol: 'finetune', features: 'both', layers: 'all', preset: 'mae' }), 'random')).toBe('finetune-mae-random');
  });

  test('when it is run makes no difference to what it is', () => {
    expect(resultName(config({ every: 3 }), 'random')).toBe(resultName(config({ at: 'end' }), 'random'));
  });
});

describe('what is still to be evaluated', () => {
  const knn = config({ protocol: 'knn', every: 2 });
  const layered = config({ protocol: 'knn', layers: 'all' });

  test('is each evaluation once, unless its result is there', () => {
    const pending = (...done: string[]) => pendingEvaluations([knn, config({ protocol: 'knn', at: 'end' }), config({})], 'teacher', 2, new Set(done)).map(({ protocol }) => protocol);
    expect(pending()).toEqual(['knn', 'linear']);
    expect(pending('knn-teacher', 'knn')).toEqual(['linear']);
  });

  test('is one of layers until the last of them is there', () => {
    expect(pendingEvaluations([layered], 'student', 2, new Set(['knn-l1']))).toEqual([layered]);
    expect(pendingEvaluations([layered], 'student', 2, new Set(['knn-l1', 'knn-l2']))).toEqual([]);
    expect(pendingEvaluations([layered], 'student', 3, new Set(['knn-l1', 'knn-l2']))).toEqual([layered]);
  });

  test('is fine-tuning once, whatever layers are asked for', () => {
    const tuned = config({ protocol: 'finetune', layers: [1, 2] });
    expect(pendingEvaluations([tuned], 'student', 2, new Set())).toEqual([tuned]);
    expect(pendingEvaluations([tuned], 'student', 2, new Set(['finetune']))).toEqual([]);
  });

  test('is none where an encoder has no such layer', () => {
    expect(pendingEvaluations([config({ layers: [3] })], 'teacher', 2, new Set())).toEqual([]);
  });
});
