import { expect, it } from 'vitest';
import { evaluationTable } from '../../../extension/cli/evaluation-table';

const result = { subject: 'student', protocol: 'knn', features: 'cls', step: 400, top1: 0.512 };

it('has the spread of a mean', () => {
  expect(evaluationTable([{ ...result, top1Std: 0.0123 }, result]).slice(2)).toEqual(['student  knn       cls        400  51.20 %  1.23 %', 'student  knn       cls        400  51.20 %']);
});

it('has a column for layers only where some were evaluated', () => {
  expect(evaluationTable([result])[0]).toBe('subject  protocol  features  step    top-1');
  expect(evaluationTable([{ ...result, layer: 3 }, result])).toEqual([
    'subject  protocol  features  layer  step    top-1',
    '-------  --------  --------  -----  ----  -------',
    'student  knn       cls           3   400  51.20 %',
    'student  knn       cls        last   400  51.20 %',
  ]);
});
