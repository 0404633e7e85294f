/** The schema as an editor needs it: keys of `sweep.grid` stand for the keys they sweep. */
import { type SchemaNode, keysAt, schemaNodeAt } from '../config/json-schema';
import type { Path } from '../config/yaml-tree';

const GRID_DEPTH = 2;

function isInGrid(path: Path): boolean {
  return path.length > GRID_DEPTH && path[0] === 'sweep' && path[1] === 'grid';
}

/** What may stand at a path; a swept key takes a list of what the key itself takes. */
export function nodeAt(path: Path): SchemaNode | undefined {
  if (!isInGrid(path)) return schemaNodeAt(path);
  const key = String(path[GRID_DEPTH]).split('.');
  const swept = schemaNodeAt(key.map((step) => (/^\d+$/.test(step) ? Number(step) : step)));
  if (!swept || path.length > GRID_DEPTH + 1) return swept;
  return { type: 'array', items: swept, ...(swept.description && { description: `Values of \`${key.join('.')}\` to sweep. ${swept.description}` }) };
}

/** The keys that may stand in the mapping at a path. */
export function keysOf(path: Path): string[] {
  return path.length === GRID_DEPTH && path[0] === 'sweep' && path[1] === 'grid' ? sweepableKeys() : keysAt(path);
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
  sweepable ??= scalarKeys([]).filter((key) => !/^(mim|name|runs|sweep)(\.|$)/.test(key));
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
