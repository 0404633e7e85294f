/** What is given in halves becomes floats. Strides are of words of four bytes, as everywhere; only along a row there are two in a word. */
import { elementCount } from '../../../core/tensors';
import type { ValueId } from '../compiled/ir';
import { RAX, type Gpr } from './assembler';
import type { View } from './expression';
import { clampIndex, type GatherParts } from './index-kernels';
import { kernelOf, type Kernel } from './kernel';
import { Pointers, type Axis } from './loops';
import { POINTER_REGISTERS, TAIL, VectorWriter } from './vector-writer';

const HALF_BYTES = 2;
/** Elements that are a unit. */
const PIECE = 8192;

/** Every element of an input. */
export function widenKernel(count: number, input: ValueId, root: ValueId): Kernel {
  const [from, to]: View[] = [{ root: input, offset: 0, strides: [0] }, { root, offset: 0, strides: [1] }];
  const pointers = new Pointers();
  [from!, to!].forEach((view) => pointers.of(view));
  const writer = new VectorWriter(pointers, { outer: [], inner: { size: count, strides: [0, 1] } });
  const code = writer.pieces(PIECE, (tail) => widenVector(writer, from!, to!, tail));
  return kernelOf({ name: 'Widen', code, views: pointers.all, writes: [to!], units: Math.ceil(count / PIECE), work: count });
}

function widenVector(writer: VectorWriter, from: View, to: View, tail: boolean): void {
  const row = writer.take();
  writer.asm.vcvtph2ps(row, writer.placeOfHalves(from), tail ? { mask: TAIL, zero: true } : {});
  writer.store(to, row, tail);
  writer.release(row);
}

export interface GatherHalvesParts extends Omit<GatherParts, 'x' | 'axis'> {
  readonly input: ValueId;
}

/**
 * Along the first axis; indices beyond it mean its first or its last row.
 * @returns undefined where a row does not end with a word, or is none
 */
export function gatherHalvesKernel({ shape, input, xShape, indices, indicesShape, to }: GatherHalvesParts): Kernel | undefined {
  const [length, ...row] = xShape as [number, ...number[]];
  const width = elementCount(row);
  const axes = shape.length - indicesShape.length;
  if (width % HALF_BYTES !== 0 || axes !== 1) return undefined;
  const from: View = { root: input, offset: 0, strides: shape.map(() => 0) };
  const index: View = { ...indices, strides: [...indices.strides, 0] };
  const pointers = new Pointers();
  [from, index, to].forEach((view) => pointers.of(view));
  const outer = pointers.axes(shape, indicesShape.map((_, axis) => axis));
  const inner: Axis = { size: width, strides: pointers.all.map(({ strides }) => strides.at(-1)!) };
  const writer = new VectorWriter(pointers, { outer, inner });
  const { asm } = writer;
  const register = (view: View): Gpr => POINTER_REGISTERS[pointers.of(view)]!;
  const code = writer.units(() => {
    asm.movsxd(RAX, { base: register(index) });
    clampIndex(writer, length);
    asm.imulImm(RAX, RAX, width * HALF_BYTES);
    asm.add(register(from), RAX);
    writer.inner((tail) => widenVector(writer, from, to, tail));
  });
  return kernelOf({ name: 'Gather', code, views: pointers.all, writes: [to], units: elementCount(indicesShape), work: elementCount(shape) });
}
