/** What the schema finds wrong → problems in plain words, each at the key or value it is about. */
import type * as z from 'zod';
import type { Problem } from '../problems';
import { type SchemaNode, keysAt, schemaNodeAt, sectionsWithKey } from './json-schema';
import { nearestLocation } from './location';
import { closest } from './suggest';
import type { Path, YamlTree } from './yaml-tree';

type Issue = z.core.$ZodIssue;

/** Of a long list, enough to tell which section is meant. */
const MAX_KEYS = 6;

export function problemsOfIssue(issue: Issue, value: unknown, tree: YamlTree): Problem[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], tree));
  if (issue.code === 'invalid_union') {
    const chosen = issuesOfNearestChoice(issue.errors);
    if (chosen) return chosen.flatMap((inner) => problemsOfIssue({ ...inner, path: [...path, ...inner.path] }, value, tree));
  }
  const actual = valueAt(value, path);
  if (path[0] === 'mim') return [markerProblem(actual, tree)];
  return [actual === undefined ? missingKey(path, tree) : wrongValue(path, actual, issue, tree)];
}

/** In a choice such as `name or mapping`: the complaints of the form that was meant, if one fits the value's form. */
function issuesOfNearestChoice(choices: readonly Issue[][]): Issue[] | undefined {
  return choices.find((issues) => issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'));
}

function unknownKey(path: Path, tree: YamlTree): Problem {
  const name = String(path.at(-1));
  const allowed = keysAt(path.slice(0, -1));
  const section = sectionsWithKey(name)[0];
  const suggestion = section === undefined ? closest(name, allowed) : undefined;
  return {
    code: 'MIM1003',
    severity: 'error',
    key: path.join('.'),
    ...tree.locate(path, 'key'),
    message: `Unknown key \`${shorten(path.join('.'))}\`.`,
    hint: unknownKeyHint(name, suggestion, section, allowed),
    ...(suggestion && { replacement: suggestion }),
  };
}

function unknownKeyHint(name: string, suggestion: string | undefined, section: string | undefined, allowed: string[]): string {
  if (section) return `It belongs under \`${section}\`: \`${section}.${name}\`.`;
  if (suggestion) return `Did you mean \`${suggestion}\`?`;
  if (name === '<<') return 'Merge keys are not supported: write the keys out.';
  return `Allowed here: ${allowed.join(', ')}.`;
}

function markerProblem(actual: unknown, tree: YamlTree): Problem {
  const missing = actual === undefined;
  return {
    code: 'MIM1002',
    severity: 'error',
    key: 'mim',
    ...(tree.locate(['mim']) ?? tree.start),
    message: missing ? 'The marker `mim: 1` is missing.' : `\`mim\` must be 1, but is ${show(actual)}.`,
    hint: missing ? 'Begin the file with `mim: 1`: it marks an experiment and the version of its format.' : 'This version of the product reads format 1.',
    ...(!missing && { replacement: '1' }),
  };
}

function missingKey(path: Path, tree: YamlTree): Problem {
  const key = path.join('.');
  const node = schemaNodeAt(path);
  return {
    code: 'MIM1004',
    severity: 'error',
    key,
    ...(nearestLocation((name, part) => tree.locate(name.split('.'), part), [key]) ?? tree.start),
    message: `\`${key}\` is missing.`,
    hint: `It must be ${expectation(node)}. ${node?.description ?? ''}`.trimEnd(),
  };
}

function wrongValue(path: Path, actual: unknown, issue: Issue, tree: YamlTree): Problem {
  const key = path.join('.');
  const node = schemaNodeAt(path);
  const replacement = mended(actual, node);
  const expected = issue.code === 'invalid_format' ? issue.message : expectation(node);
  return {
    code: wrongValueCode(issue, actual),
    severity: 'error',
    key,
    ...tree.locate(path),
    message: actual === null ? `\`${key}\` has no value; it must be ${expected}.` : `\`${key}\` must be ${expected}, but is ${show(actual)}.`,
    hint: wrongValueHint(actual, node, replacement),
    ...(replacement !== undefined && { replacement }),
  };
}

function wrongValueCode(issue: Issue, actual: unknown): string {
  if (issue.code === 'too_big' || issue.code === 'too_small' || issue.code === 'invalid_format') return 'MIM1006';
  const enumeration = issue.code === 'invalid_value' || issue.code === 'invalid_union';
  return enumeration && typeof actual === 'string' ? 'MIM1007' : 'MIM1005';
}

function wrongValueHint(actual: unknown, node: SchemaNode | undefined, replacement: string | undefined): string {
  const about = [node?.description, node?.default !== undefined && !isMapping(node.default) ? `Default: \`${shortText(node.default)}\`.` : undefined];
  if (replacement !== undefined) {
    about.unshift(isNumeric(node) ? `Write ${replacement}, without quotes.` : `Did you mean \`${replacement}\`?`);
  } else if (actual === null) {
    about.unshift('Give it one, or remove the line.');
  }
  return about.filter((sentence) => sentence).join(' ');
}

/** The value that was probably meant: the nearest name, or the number inside a text. */
function mended(actual: unknown, node: SchemaNode | undefined): string | undefined {
  if (typeof actual !== 'string' || !node) return undefined;
  const names = (node.anyOf ?? [node]).flatMap((choice) => choice.enum ?? []);
  if (names.length > 0) return closest(actual, names);
  const number = actual.trim().replace(',', '.');
  return isNumeric(node) && number !== '' && number.length < 30 && Number.isFinite(Number(number)) ? number : undefined;
}

function isNumeric(node: SchemaNode | undefined): boolean {
  return node?.type === 'number' || node?.type === 'integer';
}

/** What a value must be, to follow “must be …”. */
export function expectation(node: SchemaNode | undefined): string {
  if (!node) return 'something else';
  if (node.anyOf) return node.anyOf.map(expectation).join(', or ');
  if (node.const !== undefined) return show(node.const);
  if (node.enum) return `${node.enum.length > 1 ? 'one of ' : ''}${node.enum.join(', ')}`;
  switch (node.type) {
    case 'integer':
      return `a whole number${bounds(node)}`;
    case 'number':
      return `a number${bounds(node)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return Array.isArray(node.items) ? `a list of ${node.items.length} values, each ${expectation(node.items[0])}` : 'a list';
    case 'object':
      return `a mapping with keys such as ${Object.keys(node.properties ?? {}).slice(0, MAX_KEYS).join(', ')}`;
    default:
      return 'a text';
  }
}

function bounds(node: SchemaNode): string {
  const limits: string[] = [];
  if (node.exclusiveMinimum !== undefined) limits.push(`above ${node.exclusiveMinimum}`);
  if (node.minimum !== undefined) limits.push(`at least ${node.minimum}`);
  if (node.exclusiveMaximum !== undefined) limits.push(`below ${node.exclusiveMaximum}`);
  if (node.maximum !== undefined && node.maximum < Number.MAX_SAFE_INTEGER) limits.push(`at most ${node.maximum}`);
  return limits.length > 0 ? ` ${limits.join(' and ')}` : '';
}

/** A value inside a sentence: text in quotes, so that `"0.7"` and 0.7 differ. */
function show(value: unknown): string {
  if (isMapping(value)) return 'a mapping';
  return shorten(typeof value === 'string' ? JSON.stringify(value) : shortText(value));
}

/** A value as one would write it in YAML. */
function shortText(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(shortText).join(', ')}]` : isMapping(value) ? '{…}' : String(value);
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined;
    current = (current as Record<string | number, unknown>)[step];
  }
  return current;
}
