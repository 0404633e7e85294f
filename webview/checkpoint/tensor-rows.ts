/** The rows of the two lists: the tree of tensors, and the changes against another checkpoint. */
import type { TensorChange, TensorDetail, TensorRow } from '../../extension/core/protocol/checkpoint';
import { bytes as sizeText } from '../../extension/core/text/format';
import { formatNumber } from '../charts/numbers';
import type { GridColumn, GridRow } from './grid-row';
import { countText, shapeText } from './sizes';
import type { TreeRow } from './tree';

export const TREE_COLUMNS: readonly GridColumn[] = [
  { label: 'Tensor' },
  { label: 'Shape', isNumber: true },
  { label: 'Type' },
  { label: 'Size', isNumber: true },
  { label: 'Min', isNumber: true },
  { label: 'Max', isNumber: true },
  { label: 'Mean', isNumber: true },
  { label: 'Std', isNumber: true },
  { label: 'NaN / Inf', isNumber: true },
];

export const CHANGE_COLUMNS: readonly GridColumn[] = [
  { label: 'Tensor' },
  { label: 'Shape', isNumber: true },
  { label: 'Relative change', isNumber: true },
  { label: 'Note' },
];

const GROUP = 'group:';
const TENSOR = 'tensor:';

export function tensorKey(name: string): string {
  return TENSOR + name;
}

export function groupKey(path: string): string {
  return GROUP + path;
}

/** What a key names; one of the two. */
export function readKey(key: string): { readonly tensor?: string; readonly group?: string } {
  return key.startsWith(GROUP) ? { group: key.slice(GROUP.length) } : { tensor: key.slice(TENSOR.length) };
}

export function treeRow(row: TreeRow, detailOf: (name: string) => TensorDetail | undefined): GridRow {
  const { level, position, size } = row;
  if (row.kind === 'group') {
    const { label, path, count, bytes } = row.group;
    return { key: groupKey(path), cells: [label, countText(count, 'tensor'), '', sizeText(bytes), '', '', '', '', ''], tree: { level, position, size, isExpanded: row.isExpanded } };
  }
  const { label, tensor } = row.leaf;
  const detail = detailOf(tensor.name);
  return {
    key: tensorKey(tensor.name),
    cells: [label, shapeText(tensor.shape), tensor.dtype, sizeText(tensor.bytes), ...statisticsCells(detail)],
    warning: detail && sickness(detail),
    tree: { level, position, size },
  };
}

function statisticsCells(detail: TensorDetail | undefined): string[] {
  if (detail === undefined) return ['', '', '', '', ''];
  const { min, max, mean, std, nan, infinite } = detail;
  return [...[min, max, mean, std].map(formatNumber), nan + infinite === 0 ? '0' : `${formatNumber(nan)} / ${formatNumber(infinite)}`];
}

/** What is wrong with a tensor's values, in words. */
export function sickness({ nan, infinite }: TensorDetail): string | undefined {
  const parts = [nan > 0 ? `${countText(nan, 'value')} NaN` : '', infinite > 0 ? `${countText(infinite, 'value')} infinite` : ''].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : undefined;
}

/** As notes, and after a count. */
const NOTES: Readonly<Record<NonNullable<TensorChange['note']>, string>> = {
  'not finite': 'not finite',
  'zero before': 'all zero here only',
  'other shape': 'of another shape there',
  'only here': 'missing there',
  'only there': 'missing here',
  'type not read': 'of a type that is not read',
};

/** The most changed first; before them what is sick, and before the unchanged what cannot be compared. */
export function changeRows(changes: readonly TensorChange[], tensors: ReadonlyMap<string, TensorRow>): GridRow[] {
  return [...changes].sort((a, b) => rank(b) - rank(a)).map(({ name, relative, note }) => {
    const tensor = tensors.get(name);
    return {
      key: tensorKey(name),
      cells: [name, tensor ? shapeText(tensor.shape) : '', relative === 0 ? 'unchanged' : relative === null ? '–' : formatNumber(relative), note ? NOTES[note] : ''],
      warning: note === 'not finite' ? NOTES[note] : undefined,
    };
  });
}

function rank({ relative, note }: TensorChange): number {
  if (relative === 0) return -2;
  if (relative !== null) return relative;
  return note === 'not finite' ? Infinity : note === 'zero before' ? Number.MAX_VALUE : -1;
}

/** How the comparison came out, in a sentence. */
export function changeSummary(changes: readonly TensorChange[]): string {
  const counts = new Map<string, number>();
  for (const { relative, note } of changes) {
    const word = note ? NOTES[note] : relative === 0 ? 'unchanged' : 'changed';
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${count.toLocaleString('en-US')} ${word}`).join(', ');
}
