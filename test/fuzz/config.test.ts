/** No text, however odd, makes the reader of experiments throw, hang, or say nothing. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { formatProblems } from '../../extension/core/config/format';
import { checkText } from '../../extension/core/config/load';
import { parseResolved } from '../../extension/core/config/freeze';
import { type Problem, UserError } from '../../extension/core/problems';
import { FUZZ_RUNS, FUZZ_TIMEOUT } from './data-mutations';

/** Shared out among the tests below. */
const share = (part: number) => ({ numRuns: Math.max(1, Math.round(FUZZ_RUNS * part)) });

vi.setConfig({ testTimeout: FUZZ_TIMEOUT });

const folder = fileURLToPath(new URL('../../examples', import.meta.url));
const examples = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));

function check(text: string): void {
  const { resolved, problems } = checkText(text, 'fuzz.mim.yaml');
  const lineCount = text.split('\n').length;
  const faults = [
    ...(resolved === undefined && problems.length === 0 ? ['neither an experiment nor a problem'] : []),
    ...problems.flatMap((problem) => faultsOf(problem, text, lineCount)),
  ];
  // One assertion a text: a hundred thousand texts are read.
  expect(faults).toEqual([]);
  formatProblems(problems, { color: true });
}

function faultsOf({ code, message, range }: Problem, text: string, lineCount: number): string[] {
  const faults: string[] = [];
  if (!/^MIM1\d{3}$/.test(code)) faults.push(`code ${code}`);
  if (message.length > 1000) faults.push(`a message of ${message.length} characters`);
  if (range && !(range.start.offset >= 0 && range.start.offset <= range.end.offset && range.start.offset <= text.length)) faults.push(`offsets ${range.start.offset}–${range.end.offset}`);
  if (range && !(range.start.line >= 1 && range.start.line <= lineCount && range.start.column >= 1)) faults.push(`place ${range.start.line}:${range.start.column}`);
  return faults;
}

/** What YAML gives a meaning to, and words of experiments. */
const token = fc.oneof(
  fc.constantFrom(...'\n\n\n \t:{}[],-?&*#|>!%@`\'"\\'.split(''), '  ', ': ', '- ', '---\n', '...\n', '<<: ', '&a ', '*a ', '!!str ', '!!binary ', '? ', '\r\n', '\u0000', '\ufeff', '\u2028'),
  fc.constantFrom('mim', 'method', 'maskalign', 'data', 'kind', 'shapes', 'student', 'vit_tiny_patch4', 'masking', 'ratio', 'evaluate', 'teacher', 'ema', '__proto__', 'constructor'),
  fc.constantFrom('1', '-1', '0.7', '1e999', '-0', '.nan', '.inf', '0x7fffffffffffffff', '99999999999999999999', '1e-320', 'null', '~', 'true', '2001-12-14', '0o777'),
);

const soup = fc.array(token, { maxLength: 60 }).map((tokens) => tokens.join(''));

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), remove: fc.nat(8), insert: fc.oneof(token, fc.string({ maxLength: 4 }), fc.constant('')) });

/** Without comments, of which most of an example consists. */
const bareExamples = examples.map((text) => text.replace(/(^| )#.*$/gm, '').replace(/\n\s*\n/g, '\n'));

const mutated = fc.tuple(fc.constantFrom(...bareExamples), fc.array(edit, { minLength: 1, maxLength: 4 })).map(([text, edits]) =>
  edits.reduce((current, { at, remove, insert }) => {
    const place = Math.floor(at * current.length);
    return current.slice(0, place) + insert + current.slice(place + remove);
  }, text),
);

/** The right keys with any values. */
const oddValues = fc
  .dictionary(
    fc.constantFrom('mim', 'name', 'method', 'data', 'student', 'teacher', 'masking', 'alignment', 'optimizer', 'schedule', 'supervised', 'evaluate', 'checkpoints', 'engine', 'runs', 'seed'),
    fc.oneof(fc.json({ maxDepth: 2 }), fc.constantFrom('1', '"maskalign"', '{"kind":"shapes"}', '{"ema":{}}', '[{"protocol":"knn"}]', '{"width":1e9,"depth":1e9,"heads":1e9,"patch_size":1e9}', '{"image_size":1e308}', '{"epochs":1e308}')),
    { maxKeys: 8 },
  )
  .map((values) => `{${Object.entries(values).map(([key, value]) => `"${key}": ${value}`).join(', ')}}`);

describe('the reader of experiments', () => {
  test('survives any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), check), share(0.2));
  });

  test('survives what looks like YAML', () => {
    fc.assert(fc.property(soup, check), share(0.4));
  });

  test('survives experiments with a few characters changed', () => {
    fc.assert(fc.property(mutated, check), share(0.2));
  });

  test('survives the right keys with any values', () => {
    fc.assert(fc.property(oddValues, check), share(0.15));
  });

  test('survives damaged frozen configs', () => {
    fc.assert(
      fc.property(fc.oneof(soup, mutated), (text) => {
        try {
          parseResolved(text);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      share(0.05),
    );
  });

  test.each([
    ['brackets', '['.repeat(250_000)],
    ['braces', '{a: '.repeat(60_000)],
    ['nested sequences', '- '.repeat(120_000)],
    ['nested mappings', Array.from({ length: 600 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['question marks', '? '.repeat(120_000)],
    ['keys', Array.from({ length: 30_000 }, (_, index) => `k${index}: 1`).join('\n')],
    ['the same key', 'a: 1\n'.repeat(50_000)],
    ['anchors and aliases', `a: [${'&a x, *a, '.repeat(20_000)}]`],
    ['an alias bomb', ['a: &a [x]', ...Array.from({ length: 60 }, (_, index) => `b${index}: &${index + 1} [${`*${index === 0 ? 'a' : index}, `.repeat(60)}]`)].join('\n')],
    ['quotes', '"'.repeat(250_000)],
    ['tags', '!a '.repeat(80_000)],
    ['comments', '#\n'.repeat(120_000)],
    ['spaces', ' '.repeat(250_000)],
    ['line ends', '\r\n'.repeat(120_000)],
    ['documents', '---\n'.repeat(60_000)],
    ['block scalars', 'a: |\n'.repeat(50_000)],
    ['a long number', `mim: ${'9'.repeat(250_000)}`],
    ['a long name', `mim: 1\nmethod: ${'m'.repeat(250_000)}`],
    ['a long model name', `mim: 1\nmethod: maskalign\ndata: {kind: shapes}\nstudent: ${'vit_'.repeat(50_000)}`],
  ])('is done in time with a file full of %s', (_what, text) => {
    // As long as a file may be.
    check(text.slice(0, 65_536));
  });
});
