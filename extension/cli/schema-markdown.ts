/** The reference of experiment files (docs/config.md), written from their JSON Schema. */
import type { SchemaNode } from '../core/config/json-schema';

const introduction = `# Experiment files

<!-- Written by \`mim schema --format markdown --output docs/config.md\`; change the schema, not this page. -->

An experiment is a YAML file named \`*.mim.yaml\` with \`mim: 1\` at its top. Every key is listed here with its type, its
default and its meaning; the defaults are the official MaskAlign recipe, and where another method has another, the meaning tells
it ([methods](guide/methods.md)). Unknown keys are errors. Paths are relative to the file. From the command line \`--set key=value\` overrides one key, written with dots: \`--set masking.ratio=0.5\`.

For completion in an editor, point its YAML support at the JSON Schema of \`mim schema\`
([mim.schema.json](mim.schema.json)).
`;

export function schemaMarkdown(schema: object): string {
  const root = schema as SchemaNode;
  const entries = Object.entries(root.properties ?? {});
  const sections = entries.flatMap(([key, entry]) => sectionsOf(key, entry));
  return [introduction, '## Top level', '', ...tableOf(root), '', ...sections].join('\n');
}

/** One section for a key that holds keys, and for those below it. */
function sectionsOf(key: string, schema: SchemaNode): string[] {
  const object = objectIn(schema);
  if (object === undefined) return [];
  const title = schema.type === 'array' ? `${key}[]` : key;
  const text = schema.description ?? object.description;
  const nested = Object.entries(object.properties ?? {}).flatMap(([child, entry]) => sectionsOf(`${key}.${child}`, entry));
  return [`## ${title}`, '', ...(text === undefined ? [] : [text, '']), ...tableOf(object), '', ...nested];
}

/** The object among a key's forms: itself, an item of its list, or one of its alternatives. */
function objectIn(schema: SchemaNode): SchemaNode | undefined {
  if (schema.properties !== undefined) return schema;
  if (schema.items !== undefined && !Array.isArray(schema.items)) return objectIn(schema.items);
  return schema.anyOf?.map(objectIn).find((found) => found !== undefined);
}

function tableOf(object: SchemaNode): string[] {
  const rows = Object.entries(object.properties ?? {}).map(([key, entry]) =>
    ['', `\`${key}\``, typeOf(entry), defaultOf(entry, object.required?.includes(key) === true), entry.description ?? objectIn(entry)?.description ?? '', '']
      .map((cell) => cell.replaceAll('|', '\\|'))
      .join(' | ')
      .trim(),
  );
  return ['| Key | Type | Default | Meaning |', '| --- | --- | --- | --- |', ...rows];
}

function typeOf(schema: SchemaNode): string {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.properties !== undefined) return 'section';
  if (schema.type === 'array') {
    if (Array.isArray(schema.items)) return `[${schema.items.map(typeOf).join(', ')}]`;
    return schema.items === undefined ? 'list' : `list of ${typeOf(schema.items)}s`;
  }
  if (schema.pattern !== undefined) return `text, \`${schema.pattern}\``;
  const name = schema.type === 'string' ? 'text' : schema.type === 'integer' ? 'whole number' : String(schema.type ?? 'any');
  return `${name}${rangeOf(schema)}`;
}

function rangeOf(schema: SchemaNode): string {
  // Bounds that only keep out nonsense say nothing to a reader.
  const stated = (value: number | undefined): value is number => value !== undefined && Math.abs(value) < 1e6;
  const bounds = [
    stated(schema.minimum) ? `≥ ${schema.minimum}` : undefined,
    stated(schema.exclusiveMinimum) ? `> ${schema.exclusiveMinimum}` : undefined,
    stated(schema.maximum) ? `≤ ${schema.maximum}` : undefined,
    stated(schema.exclusiveMaximum) ? `< ${schema.exclusiveMaximum}` : undefined,
  ].filter((bound) => bound !== undefined);
  return bounds.length === 0 ? '' : ` ${bounds.join(', ')}`;
}

function defaultOf(schema: SchemaNode, required: boolean): string {
  if (required) return 'required';
  return schema.default === undefined || isEmptyObject(schema.default) ? '' : code(schema.default);
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
