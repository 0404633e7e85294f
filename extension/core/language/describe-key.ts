/** What the schema says of a key, as Markdown. */
import type { SchemaNode } from '../config/json-schema';
import { expectation } from '../config/zod-problems';
import { takesKeys } from './schema-at';

/** A value as one would write it in a flow. */
export function writtenValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writtenValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return '{}';
  return typeof value === 'number' ? String(Number(value.toPrecision(6))) : String(value);
}

/** `0.7`, or undefined where the default is no value one would write. */
export function defaultOf(node: SchemaNode): string | undefined {
  const { default: value } = node;
  if (value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value))) return undefined;
  return writtenValue(value);
}

/** The value of the paper's own code, where the description tells it. */
export function officialOf(node: SchemaNode): string | undefined {
  return /Official: ([^.]+(?:\.\d[^.]*)*)\.?/.exec(node.description ?? '')?.[1];
}

/** One line: what it must be, and its default. */
export function shortDescription(node: SchemaNode): string {
  const kind = takesKeys(node) && !node.anyOf ? 'section' : expectation(node);
  const value = defaultOf(node);
  return value === undefined ? kind : `${kind}; default ${value}`;
}

/** Description, then type with range, default and official value on lines of their own. */
export function describeNode(node: SchemaNode): string {
  const facts = [takesKeys(node) && !node.anyOf ? undefined : `Must be ${expectation(node)}.`];
  const value = defaultOf(node);
  if (value !== undefined) facts.push(`Default: \`${value}\`.`);
  const official = officialOf(node);
  if (official !== undefined) facts.push(`Official: \`${official}\`.`);
  const description = (node.description ?? '').replace(/ ?Official: [^.]+(?:\.\d[^.]*)*\.?/, '');
  return [description, facts.filter((fact) => fact).join('  \n')].filter((part) => part !== '').join('\n\n');
}
