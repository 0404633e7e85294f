/** What may be written at a cursor. */
import type { SchemaNode } from '../config/json-schema';
import { vitSizeNames } from '../config/vit-presets';
import type { Path } from '../config/yaml-tree';
import { type Cursor, cursorAt } from './cursor';
import { defaultOf, describeNode, shortDescription } from './describe-key';
import { formsOf, keysOf, nodeAt, sweptKey, takesKeys } from './schema-at';
import { choicesOf, escaped, keySnippet } from './snippets';
import type { OffsetRange } from './text-edit';

export interface Suggestion extends OffsetRange {
  readonly kind: 'key' | 'section' | 'value' | 'file' | 'folder';
  readonly label: string;
  /** One line beside the label. */
  readonly detail?: string;
  /** Markdown. */
  readonly documentation?: string;
  /** In snippet syntax, with its whole indentation; replaces `start`–`end`. */
  readonly snippet: string;
  /** Suggestions are shown in the order of this text. */
  readonly order: string;
}

/** Names of the sizes with the patches people use. */
const PATCHES = [4, 8, 16];
const PRESET_KEYS = new Set(['student', 'student.preset']);
const LEVELS = ['auto', 'mean', 'out', 'linear_decay', 'top5', 'mid6'];

/** Keys that are not there yet, or values; nothing in comments and where the schema knows of nothing. */
export function suggestionsAt(text: string, offset: number): Suggestion[] {
  const cursor = cursorAt(text, offset);
  if (!cursor) return [];
  const node = nodeAt(cursor.path);
  if (cursor.part === 'key') return takesKeys(node) ? keySuggestions(cursor) : valueSuggestions(cursor, node);
  // A section begins on the next line.
  const below = takesKeys(node) && !cursor.flow && cursor.start === cursor.end ? keysBelow(cursor) : [];
  return [...valueSuggestions(cursor, node), ...below];
}

function keySuggestions(cursor: Cursor): Suggestion[] {
  return absentKeys(cursor.path, cursor.present).map((name, index) => {
    const snippet = cursor.named ? escaped(name) : keySnippet(name, nodeAt([...cursor.path, name]), cursor);
    return keySuggestion(cursor, name, index, cursor.needsComma ? `${snippet}, ` : snippet);
  });
}

function keysBelow(cursor: Cursor): Suggestion[] {
  const indent = cursor.indent + 2;
  return absentKeys(cursor.path, []).map((name, index) => {
    const snippet = keySnippet(name, nodeAt([...cursor.path, name]), { flow: false, indent });
    return keySuggestion(cursor, name, index, `\n${' '.repeat(indent)}${snippet}`);
  });
}

function absentKeys(path: Path, present: readonly string[]): string[] {
  return keysOf(path).filter((name) => !present.includes(name));
}

function keySuggestion(cursor: Cursor, name: string, index: number, snippet: string): Suggestion {
  const node = nodeAt([...cursor.path, name]);
  return {
    kind: takesKeys(node) ? 'section' : 'key',
    label: name,
    start: cursor.start,
    end: cursor.end,
    snippet,
    order: `1${String(index).padStart(3, '0')}`,
    ...(node && { detail: shortDescription(node), documentation: describeNode(node) }),
  };
}

function valueSuggestions(cursor: Cursor, node: SchemaNode | undefined): Suggestion[] {
  if (!node) return [];
  const preset = defaultOf(node);
  const words = [...new Set([...(preset === undefined ? [] : [preset]), ...choicesOf(node), ...wordsFor(cursor.path), ...examplesOf(node)])];
  return words.map((word, index) => ({
    kind: 'value',
    label: word,
    start: cursor.start,
    end: cursor.end,
    snippet: `${cursor.needsSpace ? ' ' : ''}${escaped(word)}`,
    order: `0${String(index).padStart(3, '0')}`,
    ...(word === preset && { detail: 'default' }),
    ...(node.description && { documentation: node.description }),
  }));
}

/** Values the schema describes by a pattern or not at all. */
function wordsFor(path: Path): string[] {
  const key = keyOf(path);
  if (PRESET_KEYS.has(key)) return vitSizeNames.flatMap((size) => PATCHES.map((patch) => `vit_${size}_patch${patch}`));
  return key === 'alignment.levels' ? LEVELS : [];
}

/** The key a value belongs to, also where it is swept. */
export function keyOf(path: Path): string {
  return sweptKey(path) ?? path.join('.');
}

function examplesOf(node: SchemaNode): string[] {
  const examples = formsOf(node).flatMap((form) => [...(form.examples ?? []), ...(form.const === undefined ? [] : [form.const])]);
  return examples.filter((example) => typeof example !== 'object').map(String);
}
