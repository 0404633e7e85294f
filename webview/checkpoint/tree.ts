/** Tensors as a tree over the dots of their names, and the rows of it that are to be seen. */
import type { TensorRow } from '../../extension/core/protocol/checkpoint';

export interface Group {
  /** Part of the name; several joined by dots where nothing branches off between them. */
  readonly label: string;
  /** Names the group among all; the common start of its tensors' names, without the last dot. */
  readonly path: string;
  readonly groups: readonly Group[];
  readonly tensors: readonly Leaf[];
  /** Of all tensors below. */
  readonly count: number;
  readonly bytes: number;
}

export interface Leaf {
  readonly label: string;
  readonly tensor: TensorRow;
}

export type TreeRow = { readonly level: number; readonly position: number; readonly size: number } & (
  | { readonly kind: 'group'; readonly group: Group; readonly isExpanded: boolean }
  | { readonly kind: 'tensor'; readonly leaf: Leaf }
);

const byName = new Intl.Collator('en', { numeric: true });

/** Siblings in the order of their names, numbers by their size. */
export function treeOf(tensors: readonly TensorRow[]): Group {
  return grow('', '', tensors.map((tensor) => ({ tensor, parts: tensor.name.split('.') })), 0);
}

interface Named {
  readonly tensor: TensorRow;
  readonly parts: readonly string[];
}

/** @param depth parts of the names that `path` has used up */
function grow(label: string, path: string, named: readonly Named[], depth: number): Group {
  const tensors: Leaf[] = [];
  const below = new Map<string, Named[]>();
  for (const entry of named) {
    const part = entry.parts[depth]!;
    if (entry.parts.length === depth + 1) tensors.push({ label: part, tensor: entry.tensor });
    else if (below.has(part)) below.get(part)!.push(entry);
    else below.set(part, [entry]);
  }
  const groups: Group[] = [];
  for (const [part, entries] of below) {
    const group = merged(grow(part, depth === 0 ? part : `${path}.${part}`, entries, depth + 1));
    // A group of one tensor is no group.
    if (group.count === 1) tensors.push({ label: `${group.label}.${group.tensors[0]!.label}`, tensor: group.tensors[0]!.tensor });
    else groups.push(group);
  }
  const byLabel = (a: { readonly label: string }, b: { readonly label: string }) => byName.compare(a.label, b.label);
  return { label, path, groups: groups.sort(byLabel), tensors: tensors.sort(byLabel), count: named.length, bytes: named.reduce((sum, { tensor }) => sum + tensor.bytes, 0) };
}

function merged(group: Group): Group {
  const [only] = group.groups;
  const isChain = only !== undefined && group.groups.length === 1 && group.tensors.length === 0;
  return isChain ? { ...only, label: `${group.label}.${only.label}` } : group;
}

/** Those whose names hold every word of the filter, in whatever case. */
export function matching<T extends { readonly name: string }>(named: readonly T[], filter: string): readonly T[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return named;
  return named.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
}

/** From top to bottom; a group's rows follow it where it is expanded. */
export function visibleRows(root: Group, isExpanded: (group: Group) => boolean): TreeRow[] {
  const rows: TreeRow[] = [];
  const add = (parent: Group, level: number) => {
    const size = parent.groups.length + parent.tensors.length;
    parent.groups.forEach((group, index) => {
      const expanded = isExpanded(group);
      rows.push({ kind: 'group', group, isExpanded: expanded, level, position: index + 1, size });
      if (expanded) add(group, level + 1);
    });
    parent.tensors.forEach((leaf, index) => rows.push({ kind: 'tensor', leaf, level, position: parent.groups.length + index + 1, size }));
  };
  add(root, 1);
  return rows;
}

/** Every group below, the root left out. */
export function allGroups(root: Group): Group[] {
  return root.groups.flatMap((group) => [group, ...allGroups(group)]);
}
