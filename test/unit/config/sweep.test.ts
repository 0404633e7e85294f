import { describe, expect, it } from 'vitest';
import { expandSweep, experimentIdentity } from '../../../extension/core/config/sweep';
import { experimentText, resolvedOf } from './experiment-of';

const expand = (...lines: string[]) => expandSweep(experimentText(...lines), '/lab/study.mim.yaml');

describe('a sweep', () => {
  it('has a cell for every combination, seeds fastest, each with a name of its own', () => {
    const { sweep } = expand('sweep: { grid: { masking.ratio: [0.5, 0.7], masking.strategy: [random, attentive] }, seeds: 2 }');
    expect(sweep?.cells.map(({ name }) => name)).toEqual([
      'study-ratio-0.5-strategy-random-seed-0', 'study-ratio-0.5-strategy-random-seed-1', 'study-ratio-0.5-strategy-attentive-seed-0', 'study-ratio-0.5-strategy-attentive-seed-1',
      'study-ratio-0.7-strategy-random-seed-0', 'study-ratio-0.7-strategy-random-seed-1', 'study-ratio-0.7-strategy-attentive-seed-0', 'study-ratio-0.7-strategy-attentive-seed-1',
    ]);
    expect(sweep?.cells[1]).toMatchObject({ values: { 'masking.ratio': 0.5, 'masking.strategy': 'random', seed: 1 }, resolved: { seed: 1, masking: { ratio: 0.5, strategy: 'random' } } });
    expect(new Set(sweep?.cells.map(({ identity }) => identity)).size).toBe(8);
  });

  it('sets sections that are not written', () => {
    const { sweep } = expand('sweep: { name: lr, grid: { optimizer.lr: [1e-3] }, seeds: [7] }');
    expect(sweep?.cells[0]).toMatchObject({ name: 'lr-lr-0.001-seed-7', resolved: { optimizer: { lr: 1e-3 }, seed: 7 } });
  });

  it('names both keys in full where they end alike', () => {
    const { sweep } = expand('sweep: { grid: { optimizer.ema: [0.9], teacher.heads: [2], student.heads: [3] } }');
    expect(sweep?.cells[0]?.name).toBe('study-ema-0.9-teacher-heads-2-student-heads-3');
  });

  it('tells a value that cannot be at the place in the sweep, once', () => {
    const text = experimentText('sweep: { grid: { masking.ratio: [0.5, 1.5] }, seeds: 3 }');
    const { sweep, problems } = expandSweep(text, '/lab/study.mim.yaml');
    expect(sweep).toBeUndefined();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ code: 'MIM1006', key: 'masking.ratio', file: '/lab/study.mim.yaml' });
    expect(text.slice(problems[0]!.range!.start.offset, problems[0]!.range!.end.offset)).toBe('1.5');
  });

  it.each([
    ['masking.rato', 'masking.ratio'],
    ['maskin.ratio', 'masking.ratio'],
    ['batch_size', 'optimizer.batch_size'],
    ['masking.zzzzzzzz', undefined],
  ])('tells the unknown key %s once, at its name, and what was meant', (key, meant) => {
    const text = experimentText(`sweep: { grid: { ${key}: [1, 2] } }`);
    const { problems } = expandSweep(text, '/lab/study.mim.yaml');
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ code: 'MIM1003' });
    expect(problems[0]?.replacement).toBe(meant);
    expect(text.slice(problems[0]!.range!.start.offset, problems[0]!.range!.end.offset)).toBe(key);
  });

  it('says what a listed value was meant to be', () => {
    expect(expand('sweep: { grid: { masking.strategy: [randon, attentive] } }').problems).toMatchObject([{ code: 'MIM1007', replacement: 'random' }]);
  });

  it.each([
    ['{}', 'varies nothing'],
    ['{ grid: { runs: [a, b] } }', 'cannot be swept'],
    ['{ grid: { seed: [1] }, seeds: 2 }', 'swept twice'],
    ['{ grid: { log_every: [1, 2] }, seeds: 1000 }', '2000 cells'],
  ])('%s is refused', (section, words) => {
    const { sweep, problems } = expand(`sweep: ${section}`);
    expect(sweep).toBeUndefined();
    expect(problems).toMatchObject([{ code: 'MIM1119', message: expect.stringContaining(words) as string }]);
  });

  it('is asked for where there is none', () => {
    expect(expand().problems).toMatchObject([{ code: 'MIM1119' }]);
  });
});

describe('the identity of an experiment', () => {
  it('depends on what is trained, not on names and places', () => {
    const base = experimentIdentity(resolvedOf());
    expect(experimentIdentity(resolvedOf('name: other', 'runs: elsewhere'))).toBe(base);
    expect(experimentIdentity(resolvedOf('seed: 1'))).not.toBe(base);
  });
});
