import { describe, expect, test } from 'vitest';
import { checkText } from '../../../extension/core/config/load';
import { derivedValues } from '../../../extension/core/language/derived';
import { hintsOf } from '../../../extension/core/language/hints';
import { lensesOf } from '../../../extension/core/language/lenses';
import { keyPlaces, rangeOfKey } from '../../../extension/core/language/locate-key';
import { age, sparkline } from '../../../extension/core/language/past-runs';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import { experimentText } from '../config/experiment-of';
import { pastRun, statusAt } from './runs';

const FILE = '/lab/my.mim.yaml';
const NOW = Date.parse('2026-01-02T12:00:00Z');

function lenses(text: string, runs: readonly LibraryRun[] = [], canRun = true) {
  const { resolved } = checkText(text, FILE);
  return lensesOf({ file: FILE, places: keyPlaces(text), resolved, runs, canRun, now: NOW });
}

const titles = (text: string, runs: readonly LibraryRun[] = []) => lenses(text, runs).map(({ title }) => title);

describe('lenses', () => {
  test('an experiment can be run and its masks seen', () => {
    expect(titles(experimentText())).toEqual(['$(play) Run', 'Preview masks']);
    expect(titles(experimentText('method: supervised', 'teacher: absent'))).toEqual(['$(play) Run']);
  });

  test('a broken one can still be run, to be told what is wrong', () => {
    expect(titles('mim: [')).toEqual(['$(play) Run', 'Preview masks']);
  });

  test('an experiment with a sweep is run as one', () => {
    expect(titles(experimentText('sweep: { seeds: 3 }'))).toEqual(['$(run-all) Run Sweep', 'Preview masks']);
  });

  test('where nothing may be run, results are still shown', () => {
    const found = lenses(experimentText(), [pastRun('my-1', [], { linear: 0.4, experimentFile: FILE })], false);
    expect(found.map(({ title }) => title)).toEqual(['last: linear 40.0 % (my-1)']);
  });

  test('a drive letter is the same in either case', () => {
    const runs = [pastRun('my-1', [], { linear: 0.4, experimentFile: 'C:\\lab\\my.mim.yaml' })];
    expect(lensesOf({ file: 'c:\\lab\\my.mim.yaml', places: [], runs, canRun: false, now: NOW })).toHaveLength(1);
  });

  test('the last result is the newest run’s of this file', () => {
    const runs = [
      pastRun('my-2', [], { linear: 0.464, experimentFile: FILE, status: statusAt('2026-01-02T10:00:00Z') }),
      pastRun('my-1', [], { linear: 0.5, experimentFile: FILE, status: statusAt('2026-01-01T10:00:00Z') }),
      pastRun('foreign', [], { linear: 0.9, experimentFile: '/lab/other.mim.yaml' }),
    ];
    const last = lenses(experimentText(), runs).find(({ title }) => title.startsWith('last'));
    expect(last).toMatchObject({ title: 'last: linear 46.4 % (my-2, 2 h ago)', action: { kind: 'dashboard', runs: ['/lab/runs/my-2'] } });
  });

  test('without a known file the name tells whose run it is; without a probe its state', () => {
    const runs = [pastRun('my-1', ['name: my'], { state: 'failed' })];
    expect(titles(experimentText('name: my'), runs)).toContain('last: failed (my-1)');
    expect(titles(experimentText('name: yours'), runs).join()).not.toContain('last');
  });

  test('a mask ratio shows the best so far and the shape over ratios', () => {
    const runs = [[0.9, 0.3], [0.5, 0.4], [0.7, 0.5]].map(([ratio, linear]) => pastRun(`r${ratio}`, [`masking: { ratio: ${ratio} }`], { linear }));
    const text = experimentText('masking: { ratio: 0.6 }');
    const lens = lenses(text, runs).find(({ title }) => title.startsWith('best'));
    expect(lens).toMatchObject({ title: 'best so far: linear 50.0 % at 0.7 · 0.5 ▅█▁ 0.9', offset: text.indexOf('ratio') });
  });

  test('runs of another method say nothing', () => {
    const runs = [pastRun('s', ['method: supervised', 'teacher: absent'], { linear: 0.9 })];
    expect(titles(experimentText('masking: { ratio: 0.6 }'), runs).join()).not.toContain('best');
  });
});

describe('hints', () => {
  const hints = (text: string, runs: readonly LibraryRun[] = []) =>
    hintsOf(text, keyPlaces(text), derivedValues(checkText(text, FILE).resolved!, runs)).map(({ offset, label }) => `${text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset)} ⟨${label}⟩`);

  test('derived values stand behind the values they come from', () => {
    expect(hints(experimentText('masking: { ratio: 0.7 }', 'alignment:\n  levels: auto # all', 'optimizer:\n  blr: 1e-4\n  batch_size: 256', 'schedule: { epochs: 10 }'))).toEqual([
      '  blr: 1e-4 ⟨lr 0.0001⟩',
      'masking: { ratio: 0.7 ⟨keeps 19 of 64⟩',
      '  levels: auto ⟨top5⟩',
      'schedule: { epochs: 10 ⟨390 steps⟩',
      expect.stringMatching(/^student: vit_tiny_patch4 ⟨0\.7\d* GMAC\/image⟩$/),
    ]);
  });

  test('an absolute learning rate and written levels need none', () => {
    const found = hints(experimentText('optimizer: { lr: 1e-3 }', 'alignment: { levels: top3 }'));
    expect(found.join()).not.toMatch(/lr 0|top/);
  });

  test('of a sweep only what holds for all its runs, the patches of each ratio, and how many they are', () => {
    const text = experimentText('masking: { strategy: random }', 'optimizer: { blr: 1e-4 }', 'sweep:\n  grid:\n    masking.ratio: [0.5, 0.75]\n  seeds: 2');
    const { resolved, experiment } = checkText(text, FILE);
    expect(derivedValues(resolved!, [], experiment!.sweep).map(({ keys, short }) => `${keys[0]}: ${short}`)).toEqual([
      'optimizer.blr: lr 0.0004', 'alignment.levels: top5', 'schedule.epochs: 1800 steps', 'sweep.grid.masking.ratio: keeps 32, 16 of 64', 'sweep: 4 runs',
    ]);
  });

  test('steps on files are known from an earlier run with the same batch', () => {
    const data = 'data: { kind: folder, path: images, image_size: 32 }';
    const text = experimentText(data, 'schedule: { epochs: 20 }');
    expect(hints(text).join()).not.toContain('steps');
    expect(hints(text, [pastRun('a', [data], { status: statusAt('2026-01-01T00:00:00Z', 500, 10) })]).join()).toContain('1000 steps');
  });
});

describe('places of keys', () => {
  const text = 'mim: 1\nmasking: { ratio: 0.7 }\nevaluate:\n  - { protocol: knn, k: 5 }\nsweep: { grid: { optimizer.blr: [1e-4] }, seeds: 2 }\n';
  test.each([
    ['masking.ratio', 'ratio'],
    ['evaluate.0.k', 'k'],
    ['optimizer.blr', 'optimizer.blr'],
    ['masking.strategy', 'masking'],
    ['seed', 'seeds'],
    ['derived.keepCount', 'ratio'],
    ['derived.learningRate', 'optimizer.blr'],
    ['masking.someThing', 'masking'],
  ])('%s is found at %s', (key, expected) => {
    const range = rangeOfKey(text, key)!;
    expect(text.slice(range.start, range.end)).toBe(expected);
  });

  test('a key that is listed or drawn is found there', () => {
    const swept = 'mim: 1\nmasking: { ratio: 0.7 }\nsweep: { list: [{ optimizer.blr: 1 }], random: { count: 2, keys: { masking.ratio: { uniform: [0, 1] } } } }';
    for (const key of ['optimizer.blr', 'masking.ratio']) expect(swept.slice(rangeOfKey(swept, key)!.start, rangeOfKey(swept, key)!.end)).toBe(key);
  });

  test('a key that is nowhere has no place, and a broken text has those before the fault', () => {
    expect(rangeOfKey(text, 'student.width')).toBeUndefined();
    expect(rangeOfKey('masking:\n  ratio: 0.7\ndata: {', 'masking.ratio')).toEqual({ start: 11, end: 16 });
    expect(rangeOfKey('['.repeat(50_000), 'data')).toBeUndefined();
  });
});

test('sparklines and ages', () => {
  expect(sparkline([0, 1, 0.5])).toBe('▁█▅');
  expect(sparkline([0.5, 0.5])).toBe('██');
  expect(['2026-01-02T11:59:50Z', '2026-01-02T11:30:00Z', '2025-12-30T12:00:00Z'].map((time) => age(time, NOW))).toEqual(['just now', '30 min ago', '3 d ago']);
});
