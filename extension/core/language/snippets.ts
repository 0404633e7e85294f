/** What is written for a key: its name and a value to be filled in, in the snippet syntax of VS Code. */
import type { SchemaNode } from '../config/json-schema';
import { defaultOf } from './describe-key';
import { formsOf } from './schema-at';

export interface SnippetPlace {
  readonly flow: boolean;
  /** Column of the key. */
  readonly indent: number;
}

const STEP = '  ';

/** `ratio: ${1:0.7}`, or a section with an empty line below it. */
export function keySnippet(name: string, node: SchemaNode | undefined, place: SnippetPlace): string {
  const forms = formsOf(node);
  const section = forms.length === 1 && (forms[0]?.properties !== undefined || typeof forms[0]?.additionalProperties === 'object');
  const below = `\n${' '.repeat(place.indent)}${STEP}`;
  if (section) return place.flow ? `${name}: { $1 }` : `${name}:${below}$1`;
  const item = forms[0]?.type === 'array' && !Array.isArray(forms[0].items) ? forms[0].items : undefined;
  if (item?.properties && !place.flow) return `${name}:${below}- ${requiredKeys(item)}`;
  if (item) return `${name}: [${item.properties ? `{ ${requiredKeys(item)} }` : '$1'}]`;
  // A pair of numbers, where nothing says which.
  if (node !== undefined && forms[0]?.type === 'array' && defaultOf(node) === undefined) return `${name}: [$1]`;
  return `${name}: ${valueSnippet(node)}`;
}

/** The keys a list item cannot do without; of an evaluation also when it takes place. */
function requiredKeys(item: SchemaNode): string {
  return (item.required ?? []).map((name) => `${name}: ${valueSnippet(item.properties?.[name])}`).join(', ');
}

function valueSnippet(node: SchemaNode | undefined): string {
  if (!node) return '$1';
  if (node.const !== undefined) return escaped(String(node.const));
  const preset = defaultOf(node);
  const choices = choicesOf(node);
  if (choices.length > 1 && !node.anyOf) {
    const ordered = preset === undefined ? choices : [preset, ...choices.filter((choice) => choice !== preset)];
    return `\${1|${ordered.map((choice) => escaped(choice).replace(/[,|]/g, '\\$&')).join(',')}|}`;
  }
  const value = preset ?? choices[0] ?? (node.examples ?? [])[0];
  return typeof value === 'string' || typeof value === 'number' ? `\${1:${escaped(String(value))}}` : '$1';
}

/** The words that may be written, if they are few. */
export function choicesOf(node: SchemaNode): string[] {
  return formsOf(node).flatMap((form) => form.enum ?? (form.type === 'boolean' ? ['true', 'false'] : []));
}

/** Text that stands for itself in a snippet. */
export function escaped(text: string): string {
  return text.replace(/[\\$}]/g, '\\$&');
}
