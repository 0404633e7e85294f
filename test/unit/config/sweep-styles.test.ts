import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandSweep, type ExpandedSweep } from '../../../extension/core/config/sweep';
import { experimentText } from './experiment-of';

const FILE = '/lab/study.mim.yaml';
const expand = (section: string, ...lines: string[]) => expandSweep(experimentText(...lines, `sweep: ${section}`), FILE);
const cellsOf = (section: string, ...lines: string[]): ExpandedSweep['cells'] => {
  const { sweep, problems } = expand(section, ...lines);
  if (!sweep) throw new Error(JSON.stringify(problems));
  return sweep.cells;
};

/** The one problem of a section, and the text it points at. */
function fault(section: string, ...lines: string[]): { code: string; message: string; hint?: string; at: string } {
  const text = experimentText(...lines, `sweep: ${section}`);
  const { sweep, problems } = expandSweep(text, FILE);
  expect(sweep).toBeUndefined();
  expect(problems).toHaveLength(1);
  const { code, message, hint, range } = problems[0]!;
  return { code, message, hint, at: text.slice(range!.start.offset, range!.end.offset) };
}

describe('a list', () => {
  it('gives its combinations as they are written, each with the whole grid and every seed', () => {
    const cells = cellsOf('{ list: [{ masking.ratio: 0.5, masking.strategy: random }, { masking.ratio: 0.8 }], grid: { optimizer.lr: [1e-3] }, seeds: 2 }');
    expect(cells.map(({ values }) => values)).toEqual([
      { 'masking.ratio': 0.5, 'masking.strategy': 'random', 'optimizer.lr': 0.001, seed: 0 },
      { 'masking.ratio': 0.5, 'masking.strategy': 'random', 'optimizer.lr': 0.001, seed: 1 },
      { 'masking.ratio': 0.8, 'optimizer.lr': 0.001, seed: 0 },
      { 'masking.ratio': 0.8, 'optimizer.lr': 0.001, seed: 1 },
    ]);
    expect(cells[2]).toMatchObject({ name: 'study-ratio-0.8-lr-0.001-seed-0', resolved: { masking: { ratio: 0.8, strategy: 'attentive' } } });
  });

  it('tells a value that cannot be where it is listed', () => {
    expect(fault('{ list: [{ masking.ratio: 0.5 }, { masking.ratio: 1.5 }], seeds: 2 }')).toMatchObject({ code: 'MIM1006', at: '1.5' });
    expect(fault('{ list: [{ masking.rato: 0.5 }] }')).toMatchObject({ code: 'MIM1003', at: 'masking.rato' });
    expect(fault('{ list: [{ masking.ratio: 0.5 }], grid: { masking.ratio: [0.6] } }')).toMatchObject({ message: expect.stringContaining('swept twice') as string, at: 'masking.ratio' });
  });
});

describe('a random search', () => {
  const section = '{ random: { count: 4, keys: { optimizer.blr: { log_uniform: [1e-5, 1e-3] }, masking.ratio: { uniform: [0.3, 0.9] }, student.depth: { int_uniform: [2, 4] }, alignment.loss: { choice: [l2, l1] } } } }';

  it('draws the values that SHA-256 of (seed, key, draw) gives, as another program computed them', () => {
    expect(cellsOf(section).map(({ values }) => values)).toEqual([
      { 'optimizer.blr': 0.00035, 'masking.ratio': 0.8443, 'student.depth': 2, 'alignment.loss': 'l1' },
      { 'optimizer.blr': 0.000409, 'masking.ratio': 0.5687, 'student.depth': 4, 'alignment.loss': 'l1' },
      { 'optimizer.blr': 2.23e-05, 'masking.ratio': 0.6904, 'student.depth': 4, 'alignment.loss': 'l2' },
      { 'optimizer.blr': 0.000902, 'masking.ratio': 0.5056, 'student.depth': 2, 'alignment.loss': 'l2' },
    ]);
  });

  it('draws others for another seed, and keeps its draws for more of them and for another key', () => {
    const ratios = (count: number, seed: number, more = ''): unknown[] => cellsOf(`{ random: { count: ${count}, seed: ${seed}, keys: { ${more}masking.ratio: { uniform: [0.3, 0.9] } } } }`).map(({ values }) => values['masking.ratio']);
    expect(ratios(6, 0).slice(0, 3)).toEqual(ratios(3, 0));
    expect(ratios(3, 0, 'optimizer.blr: { log_uniform: [1e-5, 1e-3] }, ')).toEqual(ratios(3, 0));
    expect(ratios(3, 1)).not.toEqual(ratios(3, 0));
  });

  it('stays within its bounds, evenly', () => {
    const cells = cellsOf('{ random: { count: 400, keys: { optimizer.blr: { log_uniform: [1e-5, 1e-3] }, log_every: { int_uniform: [1, 3] } } } }');
    const rates = cells.map(({ values }) => Number(values['optimizer.blr']));
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(1e-5);
    expect(Math.max(...rates)).toBeLessThanOrEqual(1e-3);
    const below = rates.filter((rate) => rate < 1e-4).length;
    expect(below).toBeGreaterThan(150);
    expect(below).toBeLessThan(250);
    expect(new Set(cells.map(({ values }) => values['log_every']))).toEqual(new Set([1, 2, 3]));
  });

  it.each([
    ['{ random: { count: 2, keys: { masking.ratio: { uniform: [0.9, 0.3] } } } }', 'from 0.9 down to 0.3', '[0.9, 0.3]'],
    ['{ random: { count: 2, keys: { optimizer.blr: { log_uniform: [0, 1] } } } }', 'no logarithm', '[0, 1]'],
    ['{ random: { count: 2, keys: { optimizer.blr: {} } } }', 'needs one distribution', 'optimizer.blr'],
    ['{ random: { count: 2, keys: { optimizer.blr: { uniform: [0, 1], choice: [1] } } } }', 'uniform and choice', 'optimizer.blr'],
  ])('%s is refused', (section, words, at) => {
    expect(fault(section)).toMatchObject({ code: 'MIM1119', message: expect.stringContaining(words) as string, at });
  });

  it('tells a draw that cannot be, with its value, at the distribution', () => {
    const { code, hint, at } = fault('{ random: { count: 1, keys: { masking.ratio: { uniform: [1.5, 1.6] } } } }');
    expect([code, at]).toEqual(['MIM1006', '{ uniform: [1.5, 1.6] }']);
    expect(hint).toMatch(/^`masking\.ratio: 1\.5\d*` was drawn from this\./);
  });
});

describe('conditions', () => {
  it('set values where others hold, and cells that become equal are one', () => {
    const { sweep } = expand('{ grid: { masking.strategy: [random, attentive], masking.ratio: [0.5, 0.7] }, conditions: [{ if: { masking.strategy: random }, set: { masking.ratio: 0.6 } }] }');
    expect(sweep?.cells.map(({ values }) => values)).toEqual([
      { 'masking.strategy': 'random', 'masking.ratio': 0.6 },
      { 'masking.strategy': 'attentive', 'masking.ratio': 0.5 },
      { 'masking.strategy': 'attentive', 'masking.ratio': 0.7 },
    ]);
    expect(sweep?.duplicates).toEqual([{ values: { 'masking.strategy': 'random', 'masking.ratio': 0.6 }, of: 'study-strategy-random-ratio-0.6' }]);
  });

  it('exclude cells, and look at keys that are not swept and at what those before them set', () => {
    const { sweep } = expand('{ grid: { masking.ratio: [0.5, 0.7, 0.9] }, conditions: [{ if: { masking.ratio: [0.7, 0.9], masking.strategy: attentive }, set: { optimizer.lr: 1e-3 } }, { if: { optimizer.lr: 1e-3, masking.ratio: 0.9 }, exclude: true }] }');
    expect(sweep).toMatchObject({ excluded: 1, cells: [{ values: { 'masking.ratio': 0.5 } }, { values: { 'masking.ratio': 0.7, 'optimizer.lr': 0.001 } }] });
  });

  it('are told where they hold nowhere', () => {
    const { sweep, problems } = expand('{ grid: { masking.ratio: [0.5] }, conditions: [{ if: { masking.ratio: 0.6 }, exclude: true }] }');
    expect(sweep?.cells).toHaveLength(1);
    expect(problems).toMatchObject([{ severity: 'warning', message: expect.stringContaining('in no cell') as string }]);
  });

  it.each([
    ['{ seeds: 2, conditions: [{ if: { masking.rato: 1 }, exclude: true }] }', 'no key of an experiment', 'masking.rato'],
    ['{ seeds: 2, conditions: [{ if: { seed: 1 } }] }', 'does nothing', 'if'],
    ['{ seeds: 2, conditions: [{ if: { seed: 1 }, set: { log_every: 2 }, exclude: true }] }', 'excluded', 'exclude'],
    ['{ seeds: 2, conditions: [{ if: { seed: [0, 1] }, exclude: true }] }', 'exclude every cell', 'conditions'],
    ['{ seeds: 2, conditions: [{ if: { seed: 1 }, set: { runs: elsewhere } }] }', 'cannot be swept', 'runs'],
  ])('%s is refused', (section, words, at) => {
    expect(fault(section)).toMatchObject({ code: 'MIM1119', message: expect.stringContaining(words) as string, at });
  });
});

describe('the names of cells', () => {
  it('follow a template of keys, swept or not, and are made unlike', () => {
    const section = (name: string): string => `{ grid: { masking.ratio: [0.5, 0.7] }, seeds: 2, cell_name: "${name}" }`;
    expect(cellsOf(section('{name}-r{masking.ratio}-s{seed}')).map(({ name }) => name)).toEqual(['study-r0.5-s0', 'study-r0.5-s1', 'study-r0.7-s0', 'study-r0.7-s1']);
    expect(cellsOf(section('{method} {masking.ratio}')).map(({ name }) => name)).toEqual(['maskalign-0.5', 'maskalign-0.5-c2', 'maskalign-0.7', 'maskalign-0.7-c4']);
  });

  it('are refused where a key is unknown', () => {
    expect(fault('{ grid: { masking.ratio: [0.5] }, cell_name: "{name}-{ratio}" }')).toMatchObject({ code: 'MIM1119', message: '`{ratio}` is no key of an experiment.', hint: 'Did you mean `masking.ratio`?', at: '"{name}-{ratio}"' });
  });
});

describe('an expansion', () => {
  const values = (choices: fc.Arbitrary<number>) => fc.uniqueArray(choices, { minLength: 1, maxLength: 3 });
  const sections = fc.record({
    grid: fc.record({ 'masking.ratio': values(fc.constantFrom(0.25, 0.5, 0.75)), log_every: values(fc.constantFrom(1, 2, 3)) }, { requiredKeys: [] }),
    list: fc.option(fc.array(fc.record({ 'optimizer.lr': fc.constantFrom(1e-3, 1e-4) }), { minLength: 1, maxLength: 3 }), { nil: undefined }),
    random: fc.option(fc.record({ count: fc.integer({ min: 1, max: 3 }), seed: fc.nat(5), keys: fc.constant({ 'optimizer.weight_decay': { uniform: [0, 0.1] } }) }), { nil: undefined }),
    seeds: fc.integer({ min: 1, max: 2 }),
    conditions: fc.option(fc.constant([{ if: { 'masking.ratio': 0.5 }, exclude: true }, { if: { log_every: [2, 3] }, set: { log_every: 1 } }]), { nil: undefined }),
  });

  it('is the same each time; its cells are unlike in name and content, and none is lost', () => {
    fc.assert(
      fc.property(sections, (section) => {
        const { sweep } = expand(JSON.stringify(section));
        const combinations = Object.values(section.grid).reduce((product, list) => product * list.length, section.seeds) * (section.list?.length ?? 1) * (section.random?.count ?? 1);
        if (!sweep) return;
        const { cells, duplicates, excluded } = sweep;
        expect(cells.length + duplicates.length + excluded).toBe(combinations);
        expect(new Set(cells.map(({ name }) => name)).size).toBe(cells.length);
        expect(new Set(cells.map(({ identity }) => identity)).size).toBe(cells.length);
        expect(expand(JSON.stringify(section)).sweep).toEqual(sweep);
      }),
      { numRuns: 30 },
    );
  });

  it('changes seeds fastest, then the last key of the grid', () => {
    const cells = cellsOf('{ random: { count: 2, keys: { optimizer.blr: { choice: [1e-4] } } }, list: [{ log_every: 1 }, { log_every: 2 }], grid: { masking.ratio: [0.5, 0.7] }, seeds: 2 }');
    expect(cells.map(({ values }) => [values['log_every'], values['masking.ratio'], values['seed']])).toEqual([[1, 0.5, 0], [1, 0.5, 1], [1, 0.7, 0], [1, 0.7, 1], [2, 0.5, 0], [2, 0.5, 1], [2, 0.7, 0], [2, 0.7, 1]]);
  });
});
