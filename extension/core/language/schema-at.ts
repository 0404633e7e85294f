/** The schema as an editor needs it: the dotted keys of a `sweep` section stand for the keys they set. */
import { type SchemaNode, keysAt, schemaNodeAt } from '../config/json-schema';
import { isSweepable } from '../config/sweep-faults';
import type { Path } from '../config/yaml-tree';

/** A mapping of dotted keys in a sweep, as a path in which `*` is any index; and what it says of each key. */
interface DottedKeys {
  readonly path: readonly string[];
  readonly nodeOf: (key: string, node: SchemaNode) => SchemaNode;
}

const oneOrMore = (node: SchemaNode): SchemaNode => ({ anyOf: [...formsOf(node), { type: 'array', items: node }], ...(node.description && { description: node.description }) });

const DOTTED_KEYS: readonly DottedKeys[] = [
  { path: ['sweep', 'grid'], nodeOf: (key, node) => ({ type: 'array', items: node, ...(node.description && { description: `Values of \`${key}\` to sweep. ${node.description}` }) }) },
  { path: ['sweep', 'list', '*'], nodeOf: (_key, node) => node },
  { path: ['sweep', 'random', 'keys'], nodeOf: (key, node) => drawn(key, node) },
  { path: ['sweep', 'conditions', '*', 'if'], nodeOf: (_key, node) => oneOrMore(node) },
  { path: ['sweep', 'conditions', '*', 'set'], nodeOf: (_key, node) => node },
];

/** The distributions, whose choices are values of the key. */
function drawn(key: string, node: SchemaNode): SchemaNode {
  const { properties, ...distribution } = schemaNodeAt(['sweep', 'random', 'keys', key])!;
  const choice: SchemaNode = { ...properties?.choice, items: node };
  return { ...distribution, properties: { ...properties, choice }, description: [`How \`${key}\` is drawn.`, node.description].filter(Boolean).join(' ') };
}

/** The mapping of dotted keys that a path leads into, if any. */
function dottedAt(path: Path): DottedKeys | undefined {
  return DOTTED_KEYS.find(({ path: pattern }) => path.length >= pattern.length && pattern.every((step, index) => (step === '*' ? typeof path[index] === 'number' : step === path[index])));
}

/** What may stand at a path; a dotted key of a sweep takes what the key itself takes. */
export function nodeAt(path: Path): SchemaNode | undefined {
  const dotted = dottedAt(path);
  if (!dotted || path.length === dotted.path.length) return schemaNodeAt(path);
  const key = sweptKey(path)!;
  const node = schemaNodeAt(key.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step)));
  return node && below(dotted.nodeOf(key, node), path.slice(dotted.path.length + 1));
}

function below(node: SchemaNode | undefined, path: Path): SchemaNode | undefined {
  return path.reduce<SchemaNode | undefined>((at, step) => {
    const forms = formsOf(at);
    if (typeof step === 'string') return forms.map(({ properties }) => properties?.[step]).find((found) => found);
    return forms.map(({ items }) => (Array.isArray(items) ? items[step] : items)).find((found) => found);
  }, node);
}

/** The dotted key of a sweep that a path is about, if any. */
export function sweptKey(path: Path): string | undefined {
  const dotted = dottedAt(path);
  return dotted && path.length > dotted.path.length ? String(path[dotted.path.length]) : undefined;
}

/** The keys that may stand in the mapping at a path. */
export function keysOf(path: Path): string[] {
  return dottedAt(path)?.path.length === path.length ? sweepableKeys() : keysAt(path).length > 0 ? keysAt(path) : Object.keys(nodeAt(path)?.properties ?? {});
}

/** A scalar, a mapping or a list may each be one of several forms. */
export function formsOf(node: SchemaNode | undefined): readonly SchemaNode[] {
  return node?.anyOf ?? (node ? [node] : []);
}

export function takesKeys(node: SchemaNode | undefined): boolean {
  return formsOf(node).some(({ properties, additionalProperties }) => properties !== undefined || typeof additionalProperties === 'object');
}

let sweepable: string[] | undefined;

/** Every dotted key that has a single value. */
function sweepableKeys(): string[] {
  sweepable ??= scalarKeys([]).filter(isSweepable);
  return sweepable;
}

function scalarKeys(path: readonly string[]): string[] {
  return keysAt(path).flatMap((key) => {
    const own = [...path, key];
    const forms = formsOf(schemaNodeAt(own));
    const scalar = forms.some(({ type, properties, additionalProperties, const: fixed }) => type !== 'array' && !properties && !additionalProperties && fixed === undefined);
    return [...(scalar ? [own.join('.')] : []), ...(forms.some(({ properties }) => properties) ? scalarKeys(own) : [])];
  });
}
