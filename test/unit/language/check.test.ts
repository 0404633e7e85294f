import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkWhileTyping } from '../../../extension/core/language/check';
import { type EditorNode, editorSchema } from '../../../extension/core/language/editor-schema';
import { quickFixes } from '../../../extension/core/language/quick-fixes';
import { applyEdits } from '../../../extension/core/language/text-edit';
import { withoutToldElsewhere } from '../../../extension/core/language/told-elsewhere';
import { experimentText } from '../config/experiment-of';

const folder = mkdtempSync(join(tmpdir(), 'mim-language-'));
const file = join(folder, 'my.mim.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

const codes = async (text: string, files = true) => (await checkWhileTyping(text, file, { files }))?.map(({ code }) => code);

describe('problems while typing', () => {
  test('the files that are named are looked for', async () => {
    expect(await codes(experimentText('data: { kind: folder, path: nowhere, image_size: 32 }', 'teacher: { ema: {} }'))).toEqual(['MIM1201']);
    expect(await codes(experimentText('data: { kind: folder, path: nowhere, image_size: 32 }', 'teacher: { ema: {} }'), false)).toEqual([]);
  });

  test('a sweep is judged by its cells', async () => {
    expect(await codes(experimentText('teacher: { ema: {} }', 'masking: { ratio: 0.5 }', 'sweep: { grid: { masking.ratio: [0.5, 2] } }'))).toContain('MIM1006');
    expect(await codes(experimentText('teacher: { ema: {} }', 'sweep: { grid: {} }'))).toEqual(['MIM1119']);
  });

  test.each([
    ['data: { kind: folder, path: imagse/train, image_size: 32 }', 'data: { kind: folder, path: images/train, image_size: 32 }'],
    ['data: { kind: folder, path: "./images/trian/", image_size: 32 }', 'data: { kind: folder, path: ./images/train, image_size: 32 }'],
  ])('%s: a path that is nearly right is mended', async (line, expected) => {
    mkdirSync(join(folder, 'images', 'train', 'cat'), { recursive: true });
    const text = experimentText(line, 'teacher: { ema: {} }');
    const [problem] = (await checkWhileTyping(text, file, { files: true }))!;
    expect(applyEdits(text, quickFixes(text, problem!)[0]!.edits)).toBe(experimentText(expected, 'teacher: { ema: {} }'));
  });

  test('a long sweep is given up once the text has changed', async () => {
    const text = experimentText('teacher: { ema: {} }', 'sweep: { grid: { masking.ratio: [0.5, 2] }, seeds: 400 }');
    let asked = 0;
    expect(await checkWhileTyping(text, file, { files: false, isStale: () => (asked += 1) === 3 })).toBeUndefined();
    expect(asked).toBe(3);
  });

  test('faults of the YAML are left to whoever tells them already, on that very line', async () => {
    const text = `${experimentText('teacher: { ema: {} }', 'seed: 1')}\nseed: 2\nmaskin: 1`;
    const problems = (await checkWhileTyping(text, file, { files: true }))!;
    const told = (source: string, line: number) => withoutToldElsewhere(problems, [{ source, firstLine: line, lastLine: line }]).map(({ code }) => code);
    expect(told('YAML', 0)).toEqual(['MIM1008', 'MIM1003']);
    expect(told('YAML', 6)).toEqual(['MIM1003']);
    expect(told('cSpell', 6)).toEqual(['MIM1008', 'MIM1003']);
    expect(told('YAML', 7)).toEqual(['MIM1008', 'MIM1003']);
  });
});

test('the schema for another extension describes everything, suggests and forbids nothing', () => {
  const schema = editorSchema();
  expect(schema.properties?.masking?.properties?.strategy).toMatchObject({ markdownDescription: expect.stringContaining('Default: `attentive`') });
  expect(schema.properties?.sweep?.properties?.grid?.properties?.['masking.ratio']).toMatchObject({ description: expect.stringContaining('Share of patches') });
  expect(schema.properties?.sweep?.properties?.conditions?.items?.properties?.set?.properties?.['masking.ratio']).toMatchObject({ description: expect.stringContaining('Share of patches') });
  const allowed = new Set(['title', 'description', 'markdownDescription', 'doNotSuggest', 'properties', 'items', 'anyOf']);
  const visit = (node: EditorNode): void => {
    expect(Object.keys(node).filter((key) => !allowed.has(key))).toEqual([]);
    expect(node.doNotSuggest).toBe(true);
    for (const child of [...Object.values(node.properties ?? {}), ...(node.items ? [node.items] : []), ...(node.anyOf ?? [])]) visit(child);
  };
  visit(schema);
});
