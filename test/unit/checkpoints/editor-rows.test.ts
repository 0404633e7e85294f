import { expect, it } from 'vitest';
import type { TensorDetail, TensorRow } from '../../../extension/core/protocol/checkpoint';
import { changeRows, changeSummary, readKey, treeRow } from '../../../webview/checkpoint/tensor-rows';
import { allGroups, matching, treeOf, visibleRows } from '../../../webview/checkpoint/tree';

const tensor = (name: string): TensorRow => ({ name, dtype: 'F32', shape: [2, 3], bytes: 24 });
const names = ['blocks.10.norm.weight', 'blocks.10.norm.bias', 'blocks.2.norm.weight', 'blocks.2.norm.bias', 'patch_embed.proj.weight', 'cls_token'];
const tensors = names.map(tensor);

/** The tree as text: two spaces a level. */
function drawn(rows: readonly TensorRow[], isExpanded: (path: string) => boolean): string[] {
  return visibleRows(treeOf(rows), ({ path }) => isExpanded(path)).map((row) => '  '.repeat(row.level - 1) + (row.kind === 'group' ? `${row.group.label} (${row.group.count})` : row.leaf.label));
}

it('a closed tree shows the first level: groups, then tensors', () => {
  expect(drawn(tensors, () => false)).toEqual(['blocks (4)', 'cls_token', 'patch_embed.proj.weight']);
});

it('an open tree shows numbers in their order, and no level that does not branch', () => {
  expect(drawn(tensors, () => true)).toEqual([
    'blocks (4)', '  2.norm (2)', '    bias', '    weight', '  10.norm (2)', '    bias', '    weight', 'cls_token', 'patch_embed.proj.weight',
  ]);
});

it('a name that is also the beginning of others is both', () => {
  expect(drawn(['a', 'a.b', 'a.c', '', '.'].map(tensor), () => true)).toEqual(['a (2)', '  b', '  c', '', '.', 'a']);
});

it('rows say where they stand among their siblings', () => {
  const rows = visibleRows(treeOf(tensors), () => false);
  expect(rows.map(({ position, size }) => [position, size])).toEqual([[1, 3], [2, 3], [3, 3]]);
  expect(allGroups(treeOf(tensors)).map(({ path }) => path)).toEqual(['blocks', 'blocks.2.norm', 'blocks.10.norm']);
});

it('a filter finds names that hold all of its words', () => {
  expect(matching(tensors, ' 10  NORM').map(({ name }) => name)).toEqual(names.slice(0, 2));
  expect(matching(tensors, '  ')).toBe(tensors);
});

const detail: TensorDetail = { name: 'cls_token', min: -1, max: 2, mean: 0.5, std: 0.25, nan: 3, infinite: 1, histogram: { edges: [], counts: [] } };

it('a tensor shows its statistics once they are known, and warns of what is not finite', () => {
  const row = visibleRows(treeOf(tensors), () => false)[1]!;
  expect(treeRow(row, () => undefined)).toMatchObject({ cells: ['cls_token', '2 × 3', 'F32', '24 B', '', '', '', '', ''], warning: undefined });
  expect(treeRow(row, () => detail)).toMatchObject({ cells: expect.arrayContaining(['-1', '2', '0.5', '0.25', '3 / 1']) as unknown, warning: '3 values NaN, 1 value infinite' });
  expect(treeRow(row, () => ({ ...detail, nan: 0, infinite: 0 }))).toMatchObject({ warning: undefined });
});

it('changes come in the order of what needs a look', () => {
  const changes = [
    { name: 'same', relative: 0 },
    { name: 'little', relative: 0.01 },
    { name: 'gone', relative: null, note: 'only here' },
    { name: 'much', relative: 2 },
    { name: 'sick', relative: null, note: 'not finite' },
    { name: 'grown', relative: null, note: 'zero before' },
  ] as const;
  expect(changeRows(changes, new Map()).map(({ key }) => readKey(key).tensor)).toEqual(['sick', 'grown', 'much', 'little', 'gone', 'same']);
  expect(changeSummary(changes)).toBe('1 unchanged, 2 changed, 1 missing there, 1 not finite, 1 all zero here only');
});
