import { describe, expect, test } from 'vitest';
import { checkText } from '../../../extension/core/config/load';
import { hoverAt } from '../../../extension/core/language/hover';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import { experimentText } from '../config/experiment-of';
import { marked } from './marked';
import { pastRun } from './runs';

function hover(lines: readonly string[], runs: readonly LibraryRun[] = []) {
  const at = marked(experimentText(...lines));
  const { resolved, experiment } = checkText(at.text, '/lab/my.mim.yaml');
  return hoverAt(at.text, at.offset, { resolved, sweep: experiment?.sweep, runs });
}

describe('hover', () => {
  test('tells description, type with range, default', () => {
    const found = hover(['masking: { ra|tio: 0.5 }']);
    expect(found?.schema).toMatch(/^\*\*`masking\.ratio`\*\*\n\nShare of patches the student does not see; .* Default of other methods: 0\.75 \(`mae`, .*\)\.\n\nMust be a number at least 0 and below 1\. {2}\nDefault: `0\.7`\.$/);
  });

  test('tells the official value apart from the description', () => {
    expect(hover(['student: { preset: vit_tiny_patch4, mlp_ra|tio: 4 }'])?.schema).toMatch(/^\*\*`student.mlp_ratio`\*\*\n\nHidden width of the MLP over D\.\n\n[^]*Official: `4`\./);
  });

  test.each([
    ['masking: { ra|tio: 0.7 }', 'The student sees **19 of 64 patches** = trunc(8² · (1 − 0.7)), for patches of 4 at 32 px'],
    ['optimizer: { bl|r: 1e-4, batch_size: 512 }', 'Learning rate: **0.0002** = blr 0.0001 · batch 512 / 256'],
    ['alignment: { levels: au|to }', 'Levels: **top5** of 12, if the teacher is as deep as the student'],
    ['schedule: { epo|chs: 20 }', 'Steps: **180** = 20 epochs · 9 steps of 1024 images'],
    ['student: vit_ti|ny_patch4', 'Cost of a step: **0.719 GMAC an image** = 3 · (student 0.109 + adaptors 0.0094) + teacher 0.365, the teacher taken to be as large as the student'],
  ])('%s: the derived value with its computation', (line, expected) => {
    expect(hover([line])?.derived).toBe(expected);
  });

  test('an experiment with errors is still described', () => {
    const found = hover(['masking: { ra|tio: 2 }']);
    expect(found?.schema).toContain('Share of patches');
    expect(found?.derived).toBe('');
  });

  test('a mask ratio shows what came of others on the same data, best of each', () => {
    const runs = [
      pastRun('a', ['masking: { ratio: 0.5 }'], { linear: 0.4 }),
      pastRun('b', ['masking: { ratio: 0.7 }'], { linear: 0.464, knn: 0.6 }),
      pastRun('c', ['masking: { ratio: 0.7 }'], { linear: 0.45 }),
      pastRun('other-data', ['masking: { ratio: 0.9 }', 'data: { kind: shapes, image_size: 64 }'], { linear: 0.9 }),
      pastRun('nothing-yet', ['masking: { ratio: 0.1 }']),
    ];
    expect(hover(['masking: { ra|tio: 0.7 }'], runs)?.past).toBe('Earlier runs on these data ▁█\n\n| ratio | linear | run |\n| --- | --- | --- |\n| 0.5 | 40.0 % | a |\n| 0.7 | **46.4 %** | b (best of 2) |');
  });

  test('a swept ratio shows them too', () => {
    const found = hover(['sweep: { grid: { masking.ra|tio: [0.5, 0.7] } }'], [pastRun('a', ['masking: { ratio: 0.5 }'], { linear: 0.4 })]);
    expect(found?.schema).toContain('Values of `masking.ratio` to sweep.');
    expect(found?.past).toContain('| 0.5 |');
  });

  test('a run’s name is no Markdown', () => {
    expect(hover(['masking: { ra|tio: 0.7 }'], [pastRun('a', [], { linear: 0.4, name: '[x](command:evil)|`' })])?.past).toContain('\\[x\\]\\(command:evil\\)\\|\\`');
  });

  test('what is pointed at is the name, or a value on one line', () => {
    const text = 'masking:\n  # why\n  ratio: 0.7\n  strategy: random\n';
    const at = (part: string) => {
      const found = hoverAt(text, text.indexOf(part) + 1);
      return found && text.slice(found.start, found.end);
    };
    expect(['masking', 'why', 'ratio', '0.7'].map(at)).toEqual(['masking', undefined, 'ratio', '0.7']);
  });

  test('a sweep tells how many runs it is', () => {
    expect(hover(['sweep: |{ grid: { masking.ratio: [0.5, 0.7, 0.9] }, seeds: 2 }'])?.derived).toBe('The sweep is **6 runs** = 3 `masking.ratio` · 2 seeds');
    expect(hover(['sweep: |{ list: [{ log_every: 1 }], random: { count: 5, keys: { optimizer.lr: { choice: [1e-3] } } }, conditions: [{ if: { log_every: 1 }, set: { seed: 1 } }] }'])?.derived).toBe('The sweep is **at most 5 runs** = 1 listed · 5 drawn');
  });

  test('a key that is drawn tells how, and what it is', () => {
    expect(hover(['sweep: { random: { count: 2, keys: { masking.ra|tio: { uniform: [0.3, 0.9] } } } }'])?.schema).toMatch(/`masking\.ratio`.*How `masking\.ratio` is drawn\. Share of patches/s);
  });

  test('nothing is said of comments and unknown keys', () => {
    expect(hover(['bogus: |1'])).toBeUndefined();
    expect(hoverAt('# masking\nmim: 1', 3)).toBeUndefined();
  });
});
