import { describe, expect, test } from 'vitest';
import { isExperimentFile, parseExperiment } from '../../../extension/core/config/parse';
import { closest } from '../../../extension/core/config/suggest';
import { experimentText } from './experiment-of';

describe('an experiment file', () => {
  test.each([
    ['a.mim.yaml', '', true],
    ['a.mim.yml', 'anything', true],
    ['a.yaml', 'mim: 1\n', true],
    ['a.yaml', '# first\r\nmim:   1  # an experiment\r\n', true],
    ['a.yaml', '"mim": 1\n', true],
    ['a.yaml', 'other:\n  mim: 1\n', false],
    ['a.yaml', 'mim: 12\n', false],
    ['a.yaml', '# mim: 1\n', false],
    ['a.json', 'mim: 1\n', false],
  ])('%s with %j: %s', (name, text, expected) => {
    expect(isExperimentFile(name, text)).toBe(expected);
  });
});

describe('parsing', () => {
  test('fills in the official recipe', () => {
    const { experiment, problems } = parseExperiment('mim: 1\nmethod: maskalign\ndata: {}\n', 'my.mim.yaml');
    expect(problems).toEqual([]);
    expect(experiment).toMatchObject({
      student: 'vit_base_patch16',
      masking: { strategy: 'attentive', ratio: 0.7 },
      alignment: { fusion: 'linear', adaptor: 'linear', target_norm: 'whiten', loss: 'smooth_l1', order: 'mix-then-adapt' },
      optimizer: { batch_size: 1024, blr: 1.5e-4, weight_decay: 0.05, betas: [0.9, 0.95] },
      schedule: { epochs: 200, min_lr: 1e-5 },
      data: { image_size: 224, crop_scale: [0.2, 1], flip: 0.5 },
    });
  });

  test('knows where every key and value stands, also behind aliases and line ends of Windows', () => {
    const text = 'mim: 1\r\nmethod: maskalign\r\ndata: &d { kind: shapes }\r\nevaluate:\r\n  - protocol: knn\r\n    every: 10\r\n';
    const { locate } = parseExperiment(text, 'my.mim.yaml');
    expect(locate('evaluate.0.every')).toMatchObject({ file: 'my.mim.yaml', sourceLine: '    every: 10', range: { start: { line: 6, column: 12 }, end: { column: 14 } } });
    expect(locate('evaluate.0.every', 'key')?.range?.start.column).toBe(5);
    expect(locate('data.kind')?.range?.start).toEqual({ line: 3, column: 18, offset: text.indexOf('shapes') });
    expect(locate('masking.ratio')).toBeUndefined();
  });

  test('unfolds aliases', () => {
    const { experiment } = parseExperiment(experimentText('evaluate: [&probe { protocol: knn, at: end }, *probe]'), 'my.mim.yaml');
    expect(experiment?.evaluate[1]).toEqual(experiment?.evaluate[0]);
  });

  test('does not unfold them without end', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]', ...'bcdefghij'.split('').map((name, index) => `${name}: &${name} [${`*${'abcdefghi'[index]}, `.repeat(9)}]`)].join('\n');
    const { problems } = parseExperiment(bomb, 'my.mim.yaml');
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ code: 'MIM1009', message: 'The experiment holds more than 10000 values; aliases unfold to many.' });
  });

  test('refuses what is too large or too deep to be an experiment', () => {
    expect(parseExperiment('#'.repeat(300_000), 'big.yaml').problems).toMatchObject([{ code: 'MIM1009' }]);
    expect(parseExperiment('['.repeat(100_000), 'deep.yaml').problems[0]?.code).toMatch(/^MIM10/);
    expect(parseExperiment(`a: ${'['.repeat(60)}${']'.repeat(60)}`, 'deep.yaml').problems).toMatchObject([{ code: 'MIM1009', message: 'Nested more than 32 levels deep.' }]);
  });

  test('keys of objects in JavaScript are keys like any other', () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      const { problems } = parseExperiment(experimentText(`${key}: { polluted: 1 }`), 'my.mim.yaml');
      expect(problems).toMatchObject([{ code: 'MIM1003', message: `Unknown key \`${key}\`.` }]);
    }
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('did you mean', () => {
  test.each([
    ['ratoi', ['strategy', 'ratio'], 'ratio'],
    ['batchSize', ['batch_size', 'blr'], 'batch_size'],
    ['smooth-l1', ['l1', 'l2', 'smooth_l1'], 'smooth_l1'],
    ['compiled', ['auto', 'compiled-cpu'], 'compiled-cpu'],
    ['widht', ['width', 'depth'], 'width'],
    ['colour', ['strategy', 'ratio'], undefined],
    ['x'.repeat(100_000), ['ratio'], undefined],
  ])('%.20s', (word, candidates, expected) => {
    expect(closest(word, candidates)).toBe(expected);
  });
});
