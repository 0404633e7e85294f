/** A kernel: code, and what it is called with. */
import type { ValueId } from '../compiled/ir';
import type { View } from './expression';

/** An address: that of a value's element. */
export type Pointer = Pick<View, 'root' | 'offset'>;

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
  /** Arithmetic of all units together, roughly; decides how many are taken at a time. */
  readonly work: number;
}

export interface KernelParts {
  readonly name: string;
  readonly code: Uint8Array;
  /** What it is called with, in order; those that it writes are among them. */
  readonly views: readonly Pointer[];
  readonly writes: readonly Pointer[];
  readonly overwrites?: readonly ValueId[];
  readonly units: number;
  readonly work: number;
}

export function kernelOf({ name, code, views, writes, overwrites = [], units, work }: KernelParts): Kernel {
  const isWritten = ({ root, offset }: Pointer): boolean => writes.some((view) => view.root === root && view.offset === offset);
  const roots = (pointers: readonly Pointer[]): ValueId[] => [...new Set(pointers.map(({ root }) => root))];
  return { name, code, pointers: views.map(({ root, offset }) => ({ root, offset })), reads: roots(views.filter((view) => !isWritten(view))), writes: roots(writes), overwrites, units, work };
}
