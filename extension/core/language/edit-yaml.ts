/** Single changes to an experiment that leave the rest of its text as it is. */
import { type Node, type Pair, type YAMLMap, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Path } from '../config/yaml-tree';
import { contentsOf } from './locate-key';
import { type TextEdit, lineEndAt, lineStartAt } from './text-edit';

type Entry = Pair<Node, Node | null>;

function mapAt(text: string, path: Path): YAMLMap<Node, Node | null> | undefined {
  let node: unknown = contentsOf(text);
  for (const step of path) {
    if (isMap(node)) node = (node.items as Entry[]).find(({ key }) => isScalar(key) && String(key.value) === step)?.value;
    else node = isSeq(node) ? node.items[Number(step)] : undefined;
  }
  return isMap(node) ? (node as YAMLMap<Node, Node | null>) : undefined;
}

/** Adds `key: value` at the end of the mapping at `path`, making the mapping where it is missing. Undefined where there is no place for it. */
export function insertKey(text: string, path: Path, key: string, value: string): TextEdit | undefined {
  const map = mapAt(text, path);
  if (!map) {
    const section = path.at(-1);
    if (typeof section !== 'string' || path.length !== 1 || (mapAt(text, [])?.has(section) ?? true)) return undefined;
    return insertKey(text, [], section, `{ ${key}: ${value} }`);
  }
  const last = map.items.at(-1);
  if (map.flow) {
    if (!last) return { start: map.range![0] + 1, end: map.range![1] - 1, text: ` ${key}: ${value} ` };
    const end = entryEnd(text, last);
    return { start: end, end, text: `, ${key}: ${value}` };
  }
  if (!last) return undefined;
  // After everything of the last entry, before comments and blank lines that follow it.
  const end = lastLineEnd(text, last);
  const column = map.items[0]!.key.range![0] - lineStartAt(text, map.items[0]!.key.range![0]);
  return { start: end, end, text: `\n${' '.repeat(column)}${key}: ${value}` };
}

function lastLineEnd(text: string, entry: Entry): number {
  const trimmed = text.slice(0, entryEnd(text, entry)).trimEnd().length;
  return lineEndAt(text, Math.max(trimmed, entry.key.range![1]));
}

/** After its value, or after the colon where none is written. */
function entryEnd(text: string, { key, value }: Entry): number {
  if (value?.range && value.range[1] > value.range[0]) return value.range[1];
  const end = key.range![1];
  return end + (/^[ \t]*:/.exec(text.slice(end, end + 100))?.[0].length ?? 0);
}

/** Takes out the entry whose key begins at `offset`, with its line or its comma. */
export function removeKey(text: string, offset: number): TextEdit | undefined {
  const found = entryAt(contentsOf(text), offset);
  if (!found) return undefined;
  const { map, entry } = found;
  const end = entryEnd(text, entry);
  if (map.flow) return removeFromFlow(text, map, entry, end);
  const start = lineStartAt(text, offset);
  const next = text.indexOf('\n', Math.max(text.slice(0, end).trimEnd().length, offset));
  // The first key of a list item shares its line with the dash; the key below then takes its place.
  const following = map.items[map.items.indexOf(entry) + 1];
  if (text.slice(start, offset).trim() !== '') return following ? { start: offset, end: following.key.range![0], text: '' } : undefined;
  if (map.items.length === 1) return undefined;
  return { start, end: next === -1 ? text.length : next + 1, text: '' };
}

function removeFromFlow(text: string, map: YAMLMap<Node, Node | null>, entry: Entry, end: number): TextEdit {
  const index = map.items.indexOf(entry);
  const next = map.items[index + 1];
  if (next) return { start: entry.key.range![0], end: next.key.range![0], text: '' };
  const before = map.items[index - 1];
  if (before) return { start: entryEnd(text, before), end, text: '' };
  // Nothing may be left before a comma.
  const comma = /^\s*,/.exec(text.slice(end))?.[0].length ?? 0;
  return { start: entry.key.range![0], end: end + comma, text: '' };
}

/** The text of the value whose key begins at `offset`, where it means the same in another place: it stands on one line. */
export function valueTextAt(text: string, offset: number): string | undefined {
  const value = entryAt(contentsOf(text), offset)?.entry.value;
  if (!isScalar(value) || !value.range) return undefined;
  const written = text.slice(value.range[0], value.range[1]);
  return !written.includes('\n') && standsInBrackets(written) ? written : undefined;
}

/** A text without quotes such as `0.7 }` is one value on a line of its own, and another in brackets. */
function standsInBrackets(value: string): boolean {
  const list = parseDocument(`[${value}\n]`);
  return list.errors.length === 0 && isSeq(list.contents) && list.contents.items.length <= 1;
}

function entryAt(node: unknown, offset: number): { map: YAMLMap<Node, Node | null>; entry: Entry } | undefined {
  if (isSeq(node)) return node.items.map((item) => entryAt(item, offset)).find((found) => found);
  if (!isMap(node)) return undefined;
  const map = node as YAMLMap<Node, Node | null>;
  for (const entry of map.items) {
    if (entry.key.range?.[0] === offset) return { map, entry };
    const inside = entryAt(entry.value, offset);
    if (inside) return inside;
  }
  return undefined;
}
