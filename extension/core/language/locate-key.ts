/** Dotted keys ⇄ their places in an experiment's text, also in one that is broken elsewhere. */
import { type Node, type Pair, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { MAX_CHARACTERS, type Path } from '../config/yaml-tree';
import { sweptKey } from './schema-at';
import type { OffsetRange } from './text-edit';

export interface KeyPlace {
  readonly path: Path;
  /** The name of the key. */
  readonly key: OffsetRange;
  /** Absent where nothing is written after the colon. */
  readonly value?: OffsetRange;
}

const MAX_DEPTH = 32;

/** Every key that is written, in reading order. */
export function keyPlaces(text: string): KeyPlace[] {
  const root = contentsOf(text);
  const places: KeyPlace[] = [];
  if (root) collect(root, [], places, 0);
  return places;
}

/** The tree of a text as far as it can be read; none of one that is too long for an experiment. */
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

/** Keys of a resolved experiment that nobody writes, and those that make them. */
const sources: Readonly<Record<string, readonly string[]>> = {
  'derived.learningRate': ['optimizer.lr', 'optimizer.blr', 'optimizer.batch_size'],
  'derived.levels': ['alignment.levels'],
  'derived.patchCount': ['data.image_size'],
  'derived.keepCount': ['masking.ratio'],
  'derived.microBatch': ['optimizer.accumulate', 'optimizer.batch_size'],
  'student.imageSize': ['data.image_size'],
};

/**
 * Where to look for a dotted key of an experiment as written or as resolved, such as `masking.ratio`: the place that
 * sweeps it, or its name, or the nearest section around it that is written. Undefined where none of them is.
 */
export function rangeOfKey(text: string, dottedKey: string): OffsetRange | undefined {
  const places = keyPlaces(text);
  const keys = sources[dottedKey] ?? [dottedKey.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
  const exact = keys.map((key) => sweptPlace(places, key) ?? placeOf(places, key)).find((place) => place);
  return exact?.key ?? (keys[0] === undefined ? undefined : sectionAround(places, keys[0]));
}

function sweptPlace(places: readonly KeyPlace[], key: string): KeyPlace | undefined {
  const swept = places.find(({ path }) => sweptKey(path) === key && path.at(-1) === key && !path.includes('conditions'));
  return swept ?? (key === 'seed' ? placeOf(places, 'sweep.seeds') : undefined);
}

function sectionAround(places: readonly KeyPlace[], dottedKey: string): OffsetRange | undefined {
  for (let key = dottedKey; key !== ''; key = key.slice(0, Math.max(0, key.lastIndexOf('.')))) {
    const place = placeOf(places, key);
    if (place) return place.key;
  }
  return undefined;
}

function within({ start, end }: OffsetRange, offset: number): boolean {
  return start <= offset && offset <= end;
}
