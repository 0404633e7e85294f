import { METHODS } from '../../../extension/core/config/method-traits';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkText } from '../../../extension/core/config/load';
import { keysAt } from '../../../extension/core/config/json-schema';
import { type Suggestion, suggestionsAt } from '../../../extension/core/language/complete';
import { pathSuggestionsAt } from '../../../extension/core/language/complete-path';
import { applyEdits } from '../../../extension/core/language/text-edit';
import { accepted, marked } from './marked';

function suggest(text: string): Suggestion[] {
  const at = marked(text);
  return suggestionsAt(at.text, at.offset);
}

const labels = (text: string) => suggest(text).map(({ label }) => label);

function complete(text: string, label: string): string {
  const at = marked(text);
  const found = suggestionsAt(at.text, at.offset).find((suggestion) => suggestion.label === label);
  if (!found) throw new Error(`${label} is not suggested`);
  return applyEdits(at.text, [{ ...found, text: accepted(found.snippet) }]);
}

const STRATEGIES = ['attentive', 'random', 'block', 'coarse', 'grid', 'multi_block', 'attentive_hidden', 'top_visible', 'top_hidden'];
const MASKING = ['strategy', 'ratio', 'ratio_end', 'ratio_stages', 'throw_ratio', 'unit', 'num_pred_masks', 'pred_mask_scale', 'enc_mask_scale', 'aspect_ratio'];
const MASKING_WITHOUT_RATIO = MASKING.filter((key) => key !== 'ratio');
const METHOD_NAMES = [...METHODS];

describe('keys', () => {
  test.each([
    ['an empty file', '|', keysAt([])],
    ['the top level, without what is there', 'mim: 1\nmethod: maskalign\n|\ndata: { kind: shapes }', keysAt([]).filter((key) => !['mim', 'method', 'data'].includes(key))],
    ['a word being typed', 'mim: 1\nmas|', keysAt([]).filter((key) => key !== 'mim')],
    ['a section below its key', 'masking:\n  |', MASKING],
    ['a section that goes on below', 'masking:\n  |\n  ratio: 0.5\n', MASKING_WITHOUT_RATIO],
    ['a section that began above', 'masking:\n  ratio: 0.5\n  |\ndata: {}', MASKING_WITHOUT_RATIO],
    ['a section by a word', 'masking:\n  ratio: 0.5\n  st|', MASKING_WITHOUT_RATIO],
    ['back at the margin', 'masking:\n  ratio: 0.5\n|', keysAt([]).filter((key) => key !== 'masking')],
    ['brackets', 'masking: { | }', MASKING],
    ['brackets not closed', 'masking: { ratio: 0.5, |', MASKING_WITHOUT_RATIO],
    ['brackets not closed, more below', 'masking: { ratio: 0.5, |\nmethod: maskalign\n', MASKING_WITHOUT_RATIO],
    ['brackets before another key', 'masking: { |, ratio: 0.5 }', MASKING_WITHOUT_RATIO],
    ['brackets over lines', 'masking: {\n    ratio: 0.5,\n    |\n  }', MASKING_WITHOUT_RATIO],
    ['after brackets left open', 'student: { width: 8,\nmasking:\n  |', MASKING],
    ['below a section that is deeper', 'teacher:\n  ema:\n    |', keysAt(['teacher', 'ema'])],
    ['brackets in brackets', 'teacher: { ema: { mom| } }', keysAt(['teacher', 'ema'])],
    ['an item of a list', 'evaluate:\n  - |', keysAt(['evaluate', 0])],
    ['an item that goes on', 'evaluate:\n  - protocol: knn\n    |', keysAt(['evaluate', 0]).filter((key) => key !== 'protocol')],
    ['the second item', 'evaluate:\n  - protocol: knn\n  - |', keysAt(['evaluate', 0])],
    ['a list at the margin', 'evaluate:\n- protocol: knn\n  |', keysAt(['evaluate', 0]).filter((key) => key !== 'protocol')],
    ['an item in brackets', 'evaluate:\n  - { protocol: knn, | }', keysAt(['evaluate', 0]).filter((key) => key !== 'protocol')],
    ['a list in brackets', 'evaluate: [{ protocol: knn }, { | }]', keysAt(['evaluate', 0])],
    ['a comment', 'masking: # |', []],
    ['a section that does not exist', 'maskin:\n  |', []],
    ['brackets without a comma', 'masking: { ratio: 0.5 | }', []],
  ])('%s', (_place, text, expected) => {
    const found = suggest(text).filter(({ kind }) => kind === 'key' || kind === 'section');
    expect(found.map(({ label }) => label)).toEqual(expected);
  });

  test('a key carries its documentation, its default and a place for its value', () => {
    const ratio = suggest('masking:\n  |').find(({ label }) => label === 'ratio');
    expect(ratio).toMatchObject({ snippet: 'ratio: ${1:0.7}', detail: 'a number at least 0 and below 1; default 0.7', documentation: expect.stringContaining('Share of patches') });
    expect(suggest('masking:\n  |').find(({ label }) => label === 'strategy')?.snippet).toBe(`strategy: \${1|${STRATEGIES.join(',')}|}`);
  });

  test.each([
    ['a section begins on the next line', 'mim: 1\nmas|', 'masking', 'mim: 1\nmasking:\n  '],
    ['a section within a section is indented further', 'teacher:\n  |', 'ema', 'teacher:\n  ema:\n    '],
    ['a section in brackets has brackets', 'teacher: { | }', 'ema', 'teacher: { ema: {  } }'],
    ['only the name is written before a colon', 'masking:\n  st|: random', 'strategy', 'masking:\n  strategy: random'],
    ['a comma parts it from what follows', 'masking: { |ratio: 0.5 }', 'ratio', 'masking: { ratio: 0.5 }'],
    ['a list begins with what an item needs', 'eva|', 'evaluate', 'evaluate:\n  - protocol: knn'],
    ['after the colon of a section, its keys go below', 'masking:|', 'ratio', 'masking:\n  ratio: 0.7'],
    ['after the space, too', 'masking: |', 'ratio', 'masking: \n  ratio: 0.7'],
    ['a swept key', 'sweep:\n  grid:\n    mask|', 'masking.ratio', 'sweep:\n  grid:\n    masking.ratio: []'],
    ['a key of a listed combination', 'sweep:\n  list:\n    - { mask| }', 'masking.strategy', 'sweep:\n  list:\n    - { masking.strategy: attentive }'],
    ['a distribution of a drawn key', 'sweep:\n  random: { keys: { optimizer.blr: { log| } } }', 'log_uniform', 'sweep:\n  random: { keys: { optimizer.blr: { log_uniform: [] } } }'],
    ['a key that a condition sets', 'sweep:\n  conditions:\n    - { if: { seed: 0 }, set: { opt| } }', 'optimizer.lr', 'sweep:\n  conditions:\n    - { if: { seed: 0 }, set: { optimizer.lr:  } }'],
  ])('%s', (_promise, text, label, expected) => {
    expect(complete(text, label)).toBe(expected);
  });
});

describe('values', () => {
  test.each([
    ['names', 'masking:\n  strategy: |', STRATEGIES],
    ['names in brackets', 'masking: { strategy: | }', STRATEGIES],
    ['names over what is written', 'method: mask|align', [...METHODS]],
    ['true and false', 'evaluate:\n  - { protocol: knn, baselines: | }', ['true', 'false']],
    ['a default', 'masking: { ratio: | }', ['0.7']],
    ['levels', 'alignment:\n  levels: |', ['auto', 'mean', 'out', 'linear_decay', 'top5', 'mid6']],
    ['values of a swept key', 'sweep:\n  grid:\n    masking.strategy: [attentive, |]', STRATEGIES],
    ['of a listed key', 'sweep:\n  list:\n    - masking.strategy: |', STRATEGIES],
    ['that are drawn', 'sweep:\n  random: { keys: { masking.strategy: { choice: [attentive, |] } } }', STRATEGIES],
    ['of a condition', 'sweep:\n  conditions:\n    - { if: { method: | } }', METHOD_NAMES],
    ['any of which meets a condition', 'sweep:\n  conditions:\n    - { if: { method: [maskalign, |] } }', METHOD_NAMES],
  ])('%s', (_kind, text, expected) => {
    expect(labels(text)).toEqual(expected);
  });

  test('presets of the student', () => {
    expect(labels('student: |')).toEqual(expect.arrayContaining(['vit_base_patch16', 'vit_tiny_patch4', 'vit_nano_patch4']));
    expect(labels('student: { preset: | }')).toContain('vit_tiny_patch4');
  });

  test('a value takes the place of the one that is there and gets its space', () => {
    expect(complete('method: mask|algn # why', 'maskalign')).toBe('method: maskalign # why');
    expect(complete('method:|', 'supervised')).toBe('method: supervised');
    expect(complete('masking: { strategy: |att, ratio: 0.5 }', 'random')).toBe('masking: { strategy: random, ratio: 0.5 }');
  });
});

describe('paths', () => {
  const folders: Record<string, { name: string; isFolder: boolean }[]> = {
    '.': [{ name: 'images', isFolder: true }, { name: 'train.tar', isFolder: false }, { name: 'notes.txt', isFolder: false }, { name: '.git', isFolder: true }, { name: '数据', isFolder: true }, { name: 'a: b', isFolder: true }],
    '../runs/': [{ name: 'teacher', isFolder: true }, { name: 'clip.safetensors', isFolder: false }],
  };
  const paths = async (text: string) => {
    const at = marked(text);
    const found = await pathSuggestionsAt(at.text, at.offset, (folder) => Promise.resolve(folders[folder] ?? []));
    return found.map((suggestion) => applyEdits(at.text, [{ ...suggestion, text: accepted(suggestion.snippet) }]));
  };

  test('folders and what the key can read, but nothing hidden', async () => {
    expect(await paths('data:\n  path: |')).toEqual(['data:\n  path: images/', 'data:\n  path: train.tar', 'data:\n  path: 数据/']);
  });

  test('only the last part of a path is replaced', async () => {
    expect(await paths('teacher: { checkpoint: ../runs/te| }')).toEqual(['teacher: { checkpoint: ../runs/teacher/ }', 'teacher: { checkpoint: ../runs/clip.safetensors }']);
  });

  test('other keys take no path', async () => {
    expect(await paths('method: |')).toEqual([]);
  });
});

const folder = fileURLToPath(new URL('../../../examples/', import.meta.url));
const examples = readdirSync(folder).filter((name) => name.endsWith('.yaml')).map((name) => readFileSync(`${folder}${name}`, 'utf8'));
/** Not valid YAML, an unknown key, a key twice. */
const REFUSED = ['MIM1001', 'MIM1003', 'MIM1008', 'MIM1010'];

function refusals(text: string): string[] {
  return checkText(text, 'my.mim.yaml').problems.filter(({ code }) => REFUSED.includes(code)).map(({ message }) => message);
}

describe('property', () => {
  test('any key that is suggested on a new line or in brackets of an example is one the checker knows', () => {
    const places = examples.flatMap((text) => [...text.matchAll(/\n|\{ |, /g)].flatMap(({ index, 0: at }) => insertions(text, index, at)));
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.nat(), ({ text, offset }, choice) => {
        const keys = suggestionsAt(text, offset).filter(({ kind }) => kind === 'key' || kind === 'section');
        const key = keys[choice % keys.length];
        if (!key) return;
        expect(refusals(applyEdits(text, [{ ...key, text: accepted(key.snippet) }]))).toEqual([]);
      }),
      { numRuns: 600 },
    );
  });

  test('no text makes it fail', () => {
    const piece = fc.constantFrom('masking', ':', ' ', '\n', '  ', '{', '}', '[', ']', ',', '- ', '#', '"', "'", 'ratio', 'evaluate', '0.5', '\t', '---', '|', '&a', '*a', '\r\n');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(), (pieces, at) => {
        const text = pieces.join('');
        const offset = at % (text.length + 1);
        for (const { start, end } of suggestionsAt(text, offset)) expect(start <= offset && offset <= end).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});

/** A fresh line at the indentation of the one below, or the place behind a comma or bracket, as while typing. */
function insertions(text: string, index: number, at: string): { text: string; offset: number }[] {
  const rest = text.slice(index + at.length);
  if (at === '\n') {
    const indent = /^ */.exec(rest)![0];
    if (/^ *(#|$|- )/m.test(rest.split('\n')[0]!)) return [];
    return [{ text: `${text.slice(0, index)}\n${indent}\n${rest}`, offset: index + 1 + indent.length }];
  }
  const line = text.slice(text.lastIndexOf('\n', index) + 1, index);
  const open = (line.match(/[{]/g)?.length ?? 0) - (line.match(/[}]/g)?.length ?? 0) + (at === '{ ' ? 1 : 0);
  if (open !== 1 || line.includes('#') || (line.match(/\[/g)?.length ?? 0) > (line.match(/\]/g)?.length ?? 0)) return [];
  return [{ text: `${text.slice(0, index + at.length)}, ${rest}`, offset: index + at.length }];
}
