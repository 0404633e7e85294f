/** A WGSL program with what it reads and writes, and how many workgroups run it. */
import type { ValueId } from '../compiled/ir';

export interface Kernel {
  /** For profiles: the operation at its end. */
  readonly name: string;
  readonly code: string;
  /** Values (or scratch memory, by negative ids) in the order of the bindings. */
  readonly reads: readonly ValueId[];
  readonly writes: readonly ValueId[];
  readonly groups: readonly [number, number, number];
}

/** Workgroups along one axis that every device can start. */
const MOST_GROUPS = 65535;

/** So many workgroups over two axes; `groupIndex` is their number. */
export function manyGroups(count: number): [number, number, number] {
  return count <= MOST_GROUPS ? [count, 1, 1] : [MOST_GROUPS, Math.ceil(count / MOST_GROUPS), 1];
}

export const groupIndex = `(group.y * ${MOST_GROUPS}u + group.x)`;

/** Unrolled lines. */
export const repeat = (count: number, line: (i: number) => string): string => Array.from({ length: count }, (_, i) => line(i)).join('\n');
