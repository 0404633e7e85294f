/**
 * Operations that look for places: gathered rows, sums by segment, extremes' indices, the largest, running sums; and those of the C
 * library. Rows and sums go by vectors, the others by one element after another.
 */
import { elementCount } from '../../../core/tensors';
import type { Dtype } from '../compiled/ir';
import { R11, R12, R13, RAX, RBP, RBX, RCX, RDI, RSI, RSP, type Gpr } from './assembler';
import type { Load, View } from './expression';
import { kernelOf, type Kernel } from './kernel';
import { placesOf, Pointers, type Axis } from './loops';
import { mathFunction } from './math-library';
import { POINTER_REGISTERS, VectorWriter } from './vector-writer';

const BYTES = 4;
/** Elements that a unit has of a longer axis. */
const SOME = 64;
/** Of a row that is only copied. */
const MANY = 2 ** 14;
const MAGNITUDE = 0x7fffffff;
const LOW_HALF = 0xffffffff;
const [LEAST, MOST] = [-(2n ** 63n), 2n ** 63n - 1n];
/** What a call of the C library costs, in elements that are copied. */
const CALL = 20;

const without = (items: readonly number[], axis: number): number[] => items.filter((_, other) => other !== axis);

/** An axis in two, so that threads share it: the inner one has at most so many elements, but is not much shorter either. */
function divided({ size, strides }: Axis, most: number): [Axis, Axis] {
  let each = Math.min(size, most);
  while (size % each !== 0) each--;
  if (8 * each < most) each = size;
  const inner = each === 1 ? strides.map(() => 1) : strides;
  return [{ size: size / each, strides: strides.map((stride) => stride * each) }, { size: each, strides: inner }];
}

/** Views over one shape, at most three, and the loops that pass over it: the registers of further pointers are free. */
class Places {
  private readonly pointers = new Pointers();
  readonly writer: VectorWriter;
  readonly inner: Axis;
  private readonly units: number;

  /**
   * @param most elements that a unit has, of the last axis
   * @param middle axes that each unit passes through
   */
  constructor(shape: readonly number[], views: readonly View[], most: number, middle: readonly number[] = []) {
    views.forEach((view) => this.pointers.of(view));
    const outer = this.pointers.axes(shape, shape.map((_, axis) => axis).filter((axis) => !middle.includes(axis)));
    const [more, inner] = divided(outer.pop() ?? { size: 1, strides: this.pointers.all.map(() => 0) }, most);
    if (more.size > 1) outer.push(more);
    this.inner = inner;
    this.units = placesOf(outer);
    this.writer = new VectorWriter(this.pointers, { outer, middle: this.pointers.axes(shape, middle), inner });
  }

  /** Where the pointer to a view's elements is. */
  register(view: View): Gpr {
    return POINTER_REGISTERS[this.pointers.of(view)]!;
  }

  /** Moves pointers on by so many elements each. */
  move(by: ReadonlyMap<Gpr, number>): void {
    for (const [register, stride] of by) this.writer.asm.addImm(register, stride * BYTES);
  }

  /** Runs `body` so many times, counted from 0 in `counter`, and moves pointers on after each; they come back to where they were. */
  along(times: number, counter: Gpr, by: ReadonlyMap<Gpr, number>, body: () => void): void {
    const { asm } = this.writer;
    const again = asm.label();
    asm.movImm(counter, 0);
    asm.place(again);
    body();
    this.move(by);
    asm.addImm(counter, 1);
    asm.cmpImm(counter, times);
    asm.jcc('l', again);
    this.move(new Map([...by].map(([register, stride]) => [register, -stride * times])));
  }

  kernel(name: string, writes: readonly View[], work: number, unit: () => void): Kernel {
    return kernelOf({ name, code: this.writer.units(unit), views: this.pointers.all, writes, units: this.units, work });
  }
}

/** Brings the index in RAX into [0, length). */
export function clampIndex({ asm }: VectorWriter, length: number): void {
  for (const [limit, beyond] of [[0, 'l'], [length - 1, 'g']] as const) {
    asm.movImm(RCX, limit);
    asm.cmp(RAX, RCX);
    asm.cmov(beyond, RAX, RCX);
  }
}

export interface GatherParts {
  /** Of the result. */
  readonly shape: readonly number[];
  readonly x: Load;
  readonly xShape: readonly number[];
  readonly indices: Load;
  readonly indicesShape: readonly number[];
  readonly axis: number;
  readonly to: View;
}

/** A unit is a row: what lies behind the axis. Indices beyond the axis mean its first or its last row. */
export function gatherKernel({ shape, x, xShape, indices, indicesShape, axis, to }: GatherParts): Kernel {
  const [before, behind] = [x.strides.slice(0, axis), x.strides.slice(axis + 1)];
  const from: View = { ...x, strides: [...before, ...indicesShape.map(() => 0), ...behind] };
  const index: View = { ...indices, strides: [...before.map(() => 0), ...indices.strides, ...behind.map(() => 0)] };
  // Without rows the last axis is one of the indices', of which a unit has one.
  const places = new Places(shape, [from, index, to], elementCount(xShape.slice(axis + 1)) > 1 ? MANY : 1);
  const { writer, writer: { asm } } = places;
  return places.kernel('Gather', [to], elementCount(shape), () => {
    asm.movsxd(RAX, { base: places.register(index) });
    clampIndex(writer, xShape[axis]!);
    asm.imulImm(RAX, RAX, x.strides[axis]! * BYTES);
    asm.add(places.register(from), RAX);
    const row = writer.take();
    writer.inner((tail) => {
      writer.load(row, from, tail);
      writer.store(to, row, tail);
    });
    writer.release(row);
  });
}

export interface SegmentSumParts {
  readonly x: Load;
  readonly xShape: readonly number[];
  readonly segments: Load;
  /** The first axes of x. */
  readonly segmentsShape: readonly number[];
  readonly count: number;
  readonly to: View;
}

/** A unit is a piece of all rows, which are added up in their order. Segments that there are not are passed over. */
export function segmentSumKernel({ x, xShape, segments, segmentsShape, count: segmentCount, to }: SegmentSumParts): Kernel {
  const [stride, ...strides] = to.strides as [number, ...number[]];
  const row: View = { ...to, strides: [...segmentsShape.map(() => 0), ...strides] };
  const segment: View = { ...segments, strides: [...segments.strides, ...strides.map(() => 0)] };
  const places = new Places(xShape, [x, segment, row], SOME, segmentsShape.map((_, axis) => axis));
  const { writer, writer: { asm } } = places;
  return places.kernel('SegmentSum', [to], elementCount(xShape), () => {
    const [total, value] = [writer.take(), writer.take()];
    asm.op('vpxord', total, total, total);
    places.along(segmentCount, R11, new Map([[places.register(row), stride]]), () => writer.inner((tail) => writer.store(row, total, tail)));
    writer.eachMiddle(() => {
      const next = asm.label();
      asm.movsxd(RAX, { base: places.register(segment) });
      asm.cmpImm(RAX, segmentCount);
      asm.jcc('ae', next);
      asm.imulImm(RAX, RAX, stride * BYTES);
      asm.add(places.register(row), RAX);
      writer.inner((tail) => {
        writer.load(total, row, tail);
        writer.load(value, x, tail);
        asm.op(x.dtype === 'float32' ? 'vaddps' : 'vpaddd', total, total, value);
        writer.store(row, total, tail);
      });
      asm.place(next);
    });
    writer.release(total, value);
  });
}

export interface CumSumParts {
  readonly x: Load;
  readonly shape: readonly number[];
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
  readonly to: View;
  readonly dtype: Dtype;
}

/** Sixteen sums at a time, side by side in what is not summed over. */
export function cumSumKernel({ x, shape, axis, exclusive, reverse, to, dtype }: CumSumParts): Kernel {
  const length = shape[axis]!;
  // Backwards is the other way from the other end.
  const started = (view: View): View => ({ ...view, offset: view.offset + (reverse ? (length - 1) * view.strides[axis]! : 0), strides: without(view.strides, axis) });
  const [from, sums] = [started(x), started(to)];
  const places = new Places(without(shape, axis), [from, sums], SOME);
  const { writer, writer: { asm } } = places;
  const moves = new Map([[x, from], [to, sums]].map(([view, start]) => [places.register(start!), (reverse ? -1 : 1) * view!.strides[axis]!]));
  return places.kernel('CumSum', [sums], elementCount(shape), () => {
    const [total, value] = [writer.take(), writer.take()];
    writer.inner((tail) => {
      asm.op('vpxord', total, total, total);
      places.along(length, R11, moves, () => {
        writer.load(value, from, tail);
        if (exclusive) writer.store(sums, total, tail);
        asm.op(dtype === 'float32' ? 'vaddps' : 'vpaddd', total, total, value);
        if (!exclusive) writer.store(sums, total, tail);
      });
    });
    writer.release(total, value);
  });
}

/**
 * RAX := the number at `place` as a whole one that is larger where it is larger, in the upper half, above zeros; RCX is used. Both zeros
 * are the same; what is no number lies beyond the infinity of its sign.
 */
function ordered({ asm }: VectorWriter, place: Gpr, dtype: Dtype): void {
  asm.movsxd(RAX, { base: place });
  if (dtype === 'float32') {
    asm.movImm(RCX, MAGNITUDE);
    asm.xor(RCX, RAX);
    asm.cmpImm(RAX, 0);
    asm.cmov('l', RAX, RCX);
    // The negative zero is now one below the other.
    asm.movImm(RCX, 0);
    asm.cmpImm(RAX, -1);
    asm.cmov('e', RAX, RCX);
  }
  asm.shlImm(RAX, 32);
}

/** Adds to RAX what makes the first of equal numbers the larger; `counter` is its place. RCX is used. */
function firstIsLarger({ asm }: VectorWriter, counter: Gpr): void {
  asm.movImm(RCX, LOW_HALF);
  asm.sub(RCX, counter);
  asm.add(RAX, RCX);
}

export interface ArgExtremeParts {
  readonly op: 'ArgMax' | 'ArgMin';
  readonly x: Load;
  readonly shape: readonly number[];
  readonly axis: number;
  /** Over the other axes. */
  readonly to: View;
}

/** The first of equal numbers. */
export function argExtremeKernel({ op, x, shape, axis, to }: ArgExtremeParts): Kernel {
  const from: View = { ...x, strides: without(x.strides, axis) };
  const places = new Places(without(shape, axis), [from, to], 1);
  const { writer, writer: { asm } } = places;
  const isMax = op === 'ArgMax';
  const [best, counter] = [R13, R11];
  return places.kernel(op, [to], elementCount(shape), () => {
    const at = places.register(from);
    asm.movImm(best, isMax ? LEAST : MOST);
    places.along(shape[axis]!, counter, new Map([[at, x.strides[axis]!]]), () => {
      ordered(writer, at, x.dtype);
      if (isMax) firstIsLarger(writer, counter);
      else asm.add(RAX, counter);
      asm.cmp(RAX, best);
      asm.cmov(isMax ? 'g' : 'l', best, RAX);
    });
    asm.movImm(RAX, -1);
    if (isMax) asm.sub(RAX, best);
    asm.store32({ base: places.register(to) }, isMax ? RAX : best);
  });
}

export interface TopKParts {
  readonly x: Load;
  readonly shape: readonly number[];
  readonly k: number;
  readonly values: View;
  readonly indices: View;
}

/** Of the last axis, the largest first, the first of equal numbers first: each is the largest of those below the one before it. */
export function topKKernel({ x, shape, k, values, indices }: TopKParts): Kernel {
  const axis = shape.length - 1;
  const length = shape[axis]!;
  const ofRow = (view: View): View => ({ ...view, strides: without(view.strides, axis) });
  const [from, toValue, toIndex] = [x, values, indices].map(ofRow) as [View, View, View];
  const places = new Places(without(shape, axis), [from, toValue, toIndex], 1);
  const { writer, writer: { asm } } = places;
  const [most, best, least, counter, rank] = [RBX, R13, R12, R11, RBP];
  const results = new Map([[places.register(toValue), values.strides[axis]!], [places.register(toIndex), indices.strides[axis]!]]);
  return places.kernel('TopK', [toValue, toIndex], k * elementCount(shape), () => {
    const at = places.register(from);
    asm.movImm(least, LEAST);
    asm.movImm(most, MOST);
    places.along(k, rank, results, () => {
      asm.mov(best, least);
      places.along(length, counter, new Map([[at, x.strides[axis]!]]), () => {
        ordered(writer, at, x.dtype);
        firstIsLarger(writer, counter);
        asm.cmp(RAX, most);
        asm.cmov('g', RAX, least);
        asm.cmp(RAX, best);
        asm.cmov('g', best, RAX);
      });
      // The lower half, which counts places from the last, turned round.
      asm.movImm(RAX, -1);
      asm.sub(RAX, best);
      asm.store32({ base: places.register(toIndex) }, RAX);
      asm.shlImm(RAX, 32);
      asm.shrImm(RAX, 32);
      asm.imulImm(RAX, RAX, x.strides[axis]! * BYTES);
      asm.add(RAX, at);
      asm.movsxd(RAX, { base: RAX });
      asm.store32({ base: places.register(toValue) }, RAX);
      asm.mov(most, best);
      asm.subImm(most, 1);
    });
  });
}

const FUNCTIONS = { Log: 'logf', Log1p: 'log1pf', Sin: 'sinf', Cos: 'cosf', Pow: 'powf' } as const;
export type LibraryOp = keyof typeof FUNCTIONS;

/** Calls the C library for each element. A call leaves alone only the registers that the pointers are moved to. */
export function libraryKernel(op: LibraryOp, shape: readonly number[], operands: readonly Load[], to: View): Kernel {
  if (operands.some(({ dtype }) => dtype !== 'float32')) throw new Error(`${op} is not known of whole numbers.`);
  const places = new Places(shape, [...operands, to], SOME);
  const { inner, writer: { asm } } = places;
  const kept = [R12, R13, RBX];
  const keptOf = (view: View): Gpr => kept[POINTER_REGISTERS.indexOf(places.register(view))]!;
  const moves = new Map(inner.strides.map((stride, index) => [kept[index]!, stride]));
  const times = { base: RBP, disp: -8 };
  return places.kernel(op, [to], CALL * elementCount(shape), () => {
    asm.push(RSI);
    asm.push(RDI);
    asm.mov(RBP, RSP);
    asm.subImm(RSP, 16);
    asm.andImm(RSP, -16);
    inner.strides.forEach((_, index) => asm.mov(kept[index]!, POINTER_REGISTERS[index]!));
    asm.vzeroupper();
    asm.movImm(RAX, inner.size);
    asm.store(times, RAX);
    const again = asm.label();
    asm.place(again);
    operands.forEach((operand, i) => asm.vloadss(i, { base: keptOf(operand) }));
    asm.movImm(RAX, mathFunction(FUNCTIONS[op]));
    asm.call(RAX);
    asm.vmovss({ base: keptOf(to) }, 0);
    places.move(moves);
    asm.mov(RAX, times);
    asm.subImm(RAX, 1);
    asm.store(times, RAX);
    asm.jcc('ne', again);
    asm.mov(RSP, RBP);
    asm.pop(RDI);
    asm.pop(RSI);
  });
}
