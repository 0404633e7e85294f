import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkText } from '../../../extension/core/config/load';
import { quickFixes } from '../../../extension/core/language/quick-fixes';
import { applyEdits } from '../../../extension/core/language/text-edit';

const FILE = '/lab/my.mim.yaml';
const problemsOf = (text: string) => checkText(text, FILE).problems;

/** Title → the text after the fix, of the first problem with this code. */
function fixes(text: string, code: string): Map<string, string> {
  const problem = problemsOf(text).find((found) => found.code === code);
  if (!problem) throw new Error(`no ${code} in ${problemsOf(text).map((found) => found.code).join()}`);
  return new Map(quickFixes(text, problem).map(({ title, edits }) => [title, applyEdits(text, edits)]));
}

const head = 'mim: 1\nmethod: maskalign\ndata: { kind: shapes, image_size: 32 }\nstudent: vit_tiny_patch4\nteacher: { ema: {} }\n';

describe('every fix gives a text without its problem', () => {
  test.each([
    ['MIM1001', `${head}masking:\n\tratio: 0.5\n`],
    ['MIM1002', head.replace('mim: 1\n', '')],
    ['MIM1002', head.replace('mim: 1', 'mim: 2')],
    ['MIM1003', `${head}maskin: { ratio: 0.5 }\n`],
    ['MIM1003', `${head}masking: { rato: 0.5, strategy: random }\n`],
    ['MIM1003', `${head}masking:\n  rato: 0.5\n  strategy: random\n`],
    ['MIM1003', `${head}batch_size: 64\n`],
    ['MIM1003', `${head}batch_size: 64\noptimizer:\n  blr: 1e-4\n`],
    ['MIM1003', `${head}optimizer:\n  blr: 1e-4\nbatch_size: 64`],
    ['MIM1004', head.replace('method: maskalign\n', '')],
    ['MIM1004', head.replace(/data:.*\n/, '')],
    ['MIM1004', `${head}evaluate:\n  - { at: end }\n`],
    ['MIM1004', `${head}evaluate:\n  - at: end\n`],
    ['MIM1005', `${head}masking: { ratio: "0,5" }\n`],
    ['MIM1007', `${head}masking: { strategy: randon }\n`],
    ['MIM1008', `${head}seed: 1\nlog_every: 2\nseed: 2\n`],
    ['MIM1103', head.replace('image_size: 32', 'image_size: 33')],
    ['MIM1112', head.replace(/teacher:.*\n/, '')],
    ['MIM1113', `${head}evaluate:\n  - protocol: knn\n`],
    ['MIM1113', `${head}evaluate: [{ protocol: knn }]\n`],
    ['MIM1114', head.replace('image_size: 32', 'image_size: 32, crop_scale: [1, 0.2]')],
    ['MIM1116', `${head}optimizer: { blr: 1e-4, lr: 1e-3 }\n`],
    ['MIM1116', `${head}optimizer:\n  blr: 1e-4\n  lr: 1e-3\n`],
    ['MIM1116', `${head}evaluate:\n  - k: 3\n    protocol: linear\n    at: end\n`],
    ['MIM1003', `${head}masking: { strategy: random, rato: }\n`],
    ['MIM1003', `${head}masking: { rato, }\n`],
    ['MIM1002', head.replace('mim: 1', 'mim:')],
    ['MIM1002', head.replace('mim: 1', 'mim: # the version')],
    ['MIM1003', `${head}masking: { strategy: random, rato, }\n`],
    ['MIM1117', head.replace('kind: shapes, ', '')],
  ].flatMap(([code, text]) => [[code!, text!], [code!, text!.replaceAll('\n', '\r\n')]] as const))('%s in %j', (code, text) => {
    const problem = problemsOf(text).find((found) => found.code === code)!;
    const found = fixes(text, code);
    expect(found.size).toBeGreaterThan(0);
    for (const [title, fixed] of found) {
      const left = problemsOf(fixed);
      expect(left.filter(({ code: other, key }) => other === code && key === problem.key), `${title}\n${fixed}`).toEqual([]);
      expect(code === 'MIM1001' ? [] : left.filter(({ code: other }) => other === 'MIM1001'), title).toEqual([]);
    }
  });
});

const folder = fileURLToPath(new URL('../../../examples/', import.meta.url));
const examples = readdirSync(folder).filter((name) => name.endsWith('.yaml')).map((name) => readFileSync(`${folder}${name}`, 'utf8'));

test('whatever is typed into an example, fixes keep YAML that can be read readable', () => {
  const typed = fc.constantFrom('', 'x', ': ', '  ', '\n', '{', '}', ', ', '- ', '\t', 'seed: 1\n', 'batch_size: 3', '"', '#', 'k', '[', '] ');
  fc.assert(
    fc.property(fc.constantFrom(...examples), fc.nat(), fc.nat({ max: 12 }), typed, fc.boolean(), (example, at, removed, added, windows) => {
      const start = at % example.length;
      const changed = example.slice(0, start) + added + example.slice(start + removed);
      const text = windows ? changed.replaceAll('\n', '\r\n') : changed;
      const problems = problemsOf(text);
      const readable = !problems.some(({ code }) => code === 'MIM1001');
      for (const problem of problems) {
        for (const { title, edits } of quickFixes(text, problem)) {
          const sorted = [...edits].sort((a, b) => a.start - b.start);
          expect(sorted.every(({ start: from, end }, i) => from <= end && from >= (sorted[i - 1]?.end ?? 0) && end <= text.length), title).toBe(true);
          const fixed = applyEdits(text, edits);
          if (readable) expect(problemsOf(fixed).filter(({ code }) => code === 'MIM1001').map(({ message }) => message), `${title}\n${fixed}`).toEqual([]);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test('a key in the wrong place goes to its section, written or not', () => {
  expect(fixes(`${head}batch_size: 64\noptimizer:\n  blr: 1e-4\n`, 'MIM1003').get('Move to `optimizer`')).toBe(`${head}optimizer:\n  blr: 1e-4\n  batch_size: 64\n`);
  expect(fixes(`${head}batch_size: 64\n`, 'MIM1003').get('Move to `optimizer`')).toBe(`${head}optimizer: { batch_size: 64 }\n`);
});

test('a value over several lines is not moved: how far it is indented belongs to its place', () => {
  expect([...fixes(`${head}masking: { seed: 1\n 5 }\n`, 'MIM1003').keys()]).not.toContain('Move to `data`');
});

test('a value that would be another in brackets is not moved into them', () => {
  expect(fixes(`${head}optimizer: { blr: 1e-4 }\nbatch_size: 64 }\n`, 'MIM1003').has('Move to `optimizer`')).toBe(false);
});

test('the nearest name is the preferred fix', () => {
  const text = `${head}maskin: { ratio: 0.5 }\n`;
  const [first] = quickFixes(text, problemsOf(text)[0]!);
  expect(first).toMatchObject({ title: 'Rename to `masking`', preferred: true });
});

test('comments and blank lines stay where they are', () => {
  expect(fixes(`${head}optimizer:\n  lr: 1e-3 # mine\n  blr: 1e-4 # theirs\n\n# end\n`, 'MIM1116').get('Remove `optimizer.blr`')).toBe(`${head}optimizer:\n  lr: 1e-3 # mine\n\n# end\n`);
});
