/** A long list begins with its first rows; the rest lie under one row at its end, since VS Code makes every row it is given. */
import type { Row } from './row';

/** More than anybody looks through: there are the order and the filter to find the others by. */
const SHOWN = 200;

export function foldRest(rows: readonly Row[]): Row[] {
  // One row more is no list.
  if (rows.length <= SHOWN + 1) return [...rows];
  const rest = rows.slice(SHOWN);
  const label = `${rest.length.toLocaleString('en')} more`;
  return [...rows.slice(0, SHOWN), { node: { kind: 'rest' }, face: { label, description: '', spoken: label, icon: 'ellipsis', contextValue: 'rest' }, children: rest }];
}
