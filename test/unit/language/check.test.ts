import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkWhileTyping } from '../../../extension/core/language/check';
import { type EditorNode, editorSchema } from '../../../extension/core/language/editor-schema';
import { experimentText } from '../config/experiment-of';

const folder = mkdtempSync(join(tmpdir(), 'mim-language-'));
const file = join(folder, 'my.mim.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

const codes = async (text: string, options = {}) => (await checkWhileTyping(text, file, options)).map(({ code }) => code);

describe('problems while typing', () => {
  test('the files that are named are looked for', async () => {
    expect(await codes(experimentText('data: { kind: folder, path: nowhere, image_size: 32 }', 'teacher: { ema: {} }'))).toEqual(['MIM1201']);
  });

  test('a sweep is judged by its cells', async () => {
    expect(await codes(experimentText('teacher: { ema: {} }', 'masking: { ratio: 0.5 }', 'sweep: { grid: { masking.ratio: [0.5, 2] } }'))).toContain('MIM1006');
    expect(await codes(experimentText('teacher: { ema: {} }', 'sweep: { grid: {} }'))).toEqual(['MIM1119']);
  });

  test('faults of the YAML are left to whoever tells them already', async () => {
    const text = `${experimentText('teacher: { ema: {} }', 'seed: 1')}\nseed: 2\nmaskin: 1`;
    expect(await codes(text)).toEqual(['MIM1008', 'MIM1003']);
    expect(await codes(text, { syntaxElsewhere: true })).toEqual(['MIM1003']);
  });
});

test('the schema for another extension describes everything and forbids nothing', () => {
  const schema = editorSchema();
  expect(schema.properties?.masking?.properties?.strategy).toMatchObject({ defaultSnippets: [{ label: 'attentive' }, { label: 'random' }], markdownDescription: expect.stringContaining('Default: `attentive`') });
  const allowed = new Set(['title', 'description', 'markdownDescription', 'default', 'defaultSnippets', 'properties', 'items', 'anyOf']);
  const visit = (node: EditorNode): void => {
    expect(Object.keys(node).filter((key) => !allowed.has(key))).toEqual([]);
    for (const child of [...Object.values(node.properties ?? {}), ...(node.items ? [node.items] : []), ...(node.anyOf ?? [])]) visit(child);
  };
  visit(schema);
});
