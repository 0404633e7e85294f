/** Dotted keys ⇄ their places in an experiment's text, also in one that is broken elsewhere. */
import { type Node, type Pair, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Path } from '../config/yaml-tree';
import type { OffsetRange } from './text-edit';

export interface KeyPlace {
  readonly path: Path;
  /** The name of the key. */
  readonly key: OffsetRange;
  /** Absent where nothing is written after the colon. */
  readonly value?: OffsetRange;
}

/** Beyond this an experiment is something else, and is not looked at while someone types. */
const MAX_CHARACTERS = 64 * 1024;
const MAX_DEPTH = 32;

/** Every key that is written, in reading order. */
export function keyPlaces(text: string): KeyPlace[] {
  const root = contentsOf(text);
  const places: KeyPlace[] = [];
  if (root) collect(root, [], places, 0);
  return places;
}

/** The tree of a text as far as it can be read. */
export function contentsOf(text: string): Node | null {
  if (text.length > MAX_CHARACTERS) return null;
  try {
    return parseDocument(text, { uniqueKeys: false, logLevel: 'silent' }).contents;
  } catch {
    // The composer of `yaml` recurses: brackets nested thousands deep exhaust the stack.
    return null;
  }
}

function collect(node: Node, path: Path, places: KeyPlace[], depth: number): void {
  if (depth > MAX_DEPTH) return;
  if (isSeq(node)) node.items.forEach((item, index) => collect(item as Node, [...path, index], places, depth + 1));
  if (!isMap(node)) return;
  for (const pair of node.items as Pair<Node, Node | null>[]) {
    if (!isScalar(pair.key) || !pair.key.range) continue;
    const own = [...path, String(pair.key.value)];
    const key = { start: pair.key.range[0], end: pair.key.range[1] };
    const written = pair.value?.range && pair.value.range[1] > pair.value.range[0];
    places.push({ path: own, key, ...(written && { value: { start: pair.value!.range![0], end: pair.value!.range![1] } }) });
    if (pair.value) collect(pair.value, own, places, depth + 1);
  }
}

/** The innermost key whose name or value holds `offset`. */
export function keyAt(places: readonly KeyPlace[], offset: number): KeyPlace | undefined {
  return places.findLast(({ key, value }) => within(key, offset) || (value !== undefined && within(value, offset)));
}

export function placeOf(places: readonly KeyPlace[], dottedKey: string): KeyPlace | undefined {
  return places.find(({ path }) => path.join('.') === dottedKey);
}

/**
 * Where to look for a dotted key such as `masking.ratio`: its name, or the place that sweeps it, or the nearest section
 * around it that is written. Undefined where none of them is.
 */
export function rangeOfKey(text: string, dottedKey: string): OffsetRange | undefined {
  const places = keyPlaces(text);
  const swept = placeOf(places, `sweep.grid.${dottedKey}`) ?? (dottedKey === 'seed' ? placeOf(places, 'sweep.seeds') : undefined);
  if (swept) return swept.key;
  for (let key = dottedKey; key !== ''; key = key.slice(0, Math.max(0, key.lastIndexOf('.')))) {
    const place = placeOf(places, key);
    if (place) return place.key;
  }
  return undefined;
}

function within({ start, end }: OffsetRange, offset: number): boolean {
  return start <= offset && offset <= end;
}
