/** A kernel: code, and what it is called with. */
import type { ValueId } from '../compiled/ir';
import type { View } from './expression';
import type { Axis } from './loops';

/** An address: that of a value's element. */
export type Pointer = Pick<View, 'root' | 'offset'>;

/** The places that a kernel touches, as far as they are regular: strides are of its pointers, in order. */
export interface Reach {
  /** Of which a unit is one place, outermost first. */
  readonly outer: readonly Axis[];
  /** Which every unit runs over. */
  readonly rest: readonly Axis[];
}

export interface Kernel {
  /** For profiles. */
  readonly name: string;
  readonly code: Uint8Array;
  readonly pointers: readonly Pointer[];
  readonly reads: readonly ValueId[];
  readonly writes: readonly ValueId[];
  /** Of what it reads, that of which each element is read only before the same place is written. */
  readonly overwrites: readonly ValueId[];
  /** The work is divided into so many parts, which do not touch each other. */
  readonly units: number;
  /** Units are best taken so many at a time. */
  readonly multiple: number;
  /** Arithmetic of all units together, roughly; decides how many are taken at a time. */
  readonly work: number;
  /** Absent: it may touch anything. */
  readonly reach?: Reach;
}

export interface KernelParts extends Pick<Kernel, 'name' | 'code' | 'units' | 'work' | 'reach'>, Partial<Pick<Kernel, 'overwrites' | 'multiple'>> {
  /** What it is called with, in order; those that it writes are among them. */
  readonly views: readonly Pointer[];
  readonly writes: readonly Pointer[];
}

export function kernelOf({ name, code, views, writes, overwrites = [], units, multiple = 1, work, reach }: KernelParts): Kernel {
  const isWritten = ({ root, offset }: Pointer): boolean => writes.some((view) => view.root === root && view.offset === offset);
  const roots = (pointers: readonly Pointer[]): ValueId[] => [...new Set(pointers.map(({ root }) => root))];
  return { name, code, pointers: views.map(({ root, offset }) => ({ root, offset })), reads: roots(views.filter((view) => !isWritten(view))), writes: roots(writes), overwrites, units, multiple, work, ...(reach && { reach }) };
}
