import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type SchemaNode, experimentJsonSchema, keysAt, schemaNodeAt, sectionsWithKey } from '../../../extension/core/config/json-schema';

const schema = experimentJsonSchema() as SchemaNode;

function everyNode(node: SchemaNode, path: string): [string, SchemaNode][] {
  const below = Object.entries(node.properties ?? {}).flatMap(([key, child]) => everyNode(child, `${path}.${key}`));
  const items = node.items && !Array.isArray(node.items) ? everyNode(node.items, `${path}[]`) : [];
  return [[path, node], ...below, ...items, ...(node.anyOf ?? []).flatMap((choice) => everyNode(choice, path).slice(1))];
}

describe('the JSON Schema', () => {
  test('docs/mim.schema.json is that of the code (npm run schema)', () => {
    const file = fileURLToPath(new URL('../../../docs/mim.schema.json', import.meta.url));
    expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(schema, null, 2)}\n`);
  });

  test('describes every key', () => {
    expect(everyNode(schema, '').filter(([, node]) => !node.description).map(([path]) => path)).toEqual([]);
  });

  test('allows no unknown key anywhere', () => {
    const open = everyNode(schema, '').filter(([, node]) => node.properties && !('additionalProperties' in node && node.additionalProperties === false));
    expect(open).toEqual([]);
  });

  test('requires only what has no default', () => {
    expect(schema.required).toEqual(['mim', 'method', 'data']);
  });

  test('is found by path, through lists and values of two forms', () => {
    expect(schemaNodeAt(['masking', 'ratio'])).toMatchObject({ type: 'number', default: 0.7 });
    expect(schemaNodeAt(['evaluate', 3, 'k'])).toMatchObject({ default: 20 });
    expect(schemaNodeAt(['data', 'crop_scale', 1])).toMatchObject({ maximum: 1 });
    expect(schemaNodeAt(['student', 'width'])).toMatchObject({ type: 'integer' });
    expect(schemaNodeAt(['student', 'constructor'])).toBeUndefined();
    expect(keysAt(['engine'])).toEqual(['kind', 'threads', 'steps_per_run', 'device', 'precision']);
    expect(sectionsWithKey('batch_size')).toEqual(['optimizer']);
  });
});
