/** Kernels that run over elements: what is computed one by one, reductions, softmax and LayerNorm. */
import { elementCount } from '../../../core/tensors';
import type { Dtype, ValueId } from '../compiled/ir';
import type { Zmm } from './assembler';
import { contiguous, type Expression, type View } from './expression';
import { kernelOf, type Kernel, type Reach } from './kernel';
import { placesOf, Pointers, type Axis } from './loops';
import { exponential } from './vector-operations';
import { writeValues } from './vector-values';
import { LANES, TAIL, VectorWriter } from './vector-writer';

/** Elements that are a unit where all lie side by side. */
const PIECE = 2048;
const LONGEST_PIECE = 8192;

const ONE_PLACE = (pointers: Pointers): Axis => ({ size: 1, strides: pointers.all.map(() => 0) });

/** An expression and where its elements go. */
export interface Stored {
  readonly expression: Expression;
  readonly to: View;
  /** Past the caches; its rows begin at multiples of a vector. */
  readonly streams?: boolean;
}

/** Elements from which on what is read much later is written past the caches: it would only drive out what is read before it. */
const MUCH = 2 ** 17;

export function streamsPast(elements: number): boolean {
  return elements >= MUCH;
}

/** Elements of a piece: such that pieces make whole parts of the samples of a batch, where they can. */
function pieceOf(size: number, samples: number): number {
  const each = size / samples;
  const fewest = Math.ceil(each / LONGEST_PIECE);
  for (let pieces = fewest; pieces < fewest + LANES; pieces++) if (Number.isInteger(each / pieces / LANES)) return each / pieces;
  return PIECE;
}

/**
 * @param shape of the expressions and of the places that they go to
 * @param samples into whose parts the work should be divisible
 */
export function mapKernel(name: string, shape: readonly number[], stored: readonly Stored[], samples = 1): Kernel {
  const pointers = new Pointers();
  const expressions = stored.map(({ expression }) => expression);
  pointers.addLoads(expressions);
  stored.forEach(({ to }) => pointers.of(to));
  const axes = pointers.axes(shape);
  const inner = axes.pop() ?? ONE_PLACE(pointers);
  const writer = new VectorWriter(pointers, { outer: axes, inner });
  const body = (tail: boolean): void => writeValues(writer, expressions, tail, (registers) => registers.forEach((from, i) => writer[stored[i]!.streams ? 'stream' : 'store'](stored[i]!.to, from, tail)));
  const parts = { name, views: pointers.all, writes: stored.map(({ to }) => to), overwrites: overwritten(shape, pointers, stored), work: elementCount(shape) };
  if (axes.length > 0) return kernelOf({ ...parts, code: writer.units(() => writer.inner(body), true), units: placesOf(axes), reach: { outer: axes, rest: [inner] } });
  const each = pieceOf(inner.size, samples);
  const reach = inner.size % each === 0 ? { outer: [{ size: inner.size / each, strides: inner.strides.map((stride) => each * stride) }], rest: [{ ...inner, size: each }] } : undefined;
  return kernelOf({ ...parts, code: writer.pieces(each, body), units: Math.ceil(inner.size / each), ...(reach && { reach }) });
}

/** Values that are read whole and in order, as others are written. */
function overwritten(shape: readonly number[], pointers: Pointers, stored: readonly Stored[]): ValueId[] {
  const straight = contiguous(shape);
  const isStraight = ({ offset, strides }: View): boolean => offset === 0 && shape.every((size, axis) => size === 1 || strides[axis] === straight[axis]);
  if (!stored.every(({ to }) => isStraight(to))) return [];
  const views = pointers.all.filter(({ root }) => stored.every(({ to }) => root !== to.root));
  return [...new Set(views.map(({ root }) => root))].filter((root) => views.every((view) => view.root !== root || isStraight(view)));
}

export type ReductionOp = 'Sum' | 'Mean' | 'Max' | 'Min' | 'Prod';

function combine(writer: VectorWriter, op: ReductionOp, dtype: Dtype, to: Zmm, a: Zmm, b: Zmm, tail = false): void {
  const isFloat = dtype === 'float32';
  const names = { Sum: ['vaddps', 'vpaddd'], Mean: ['vaddps', 'vpaddd'], Prod: ['vmulps', 'vpmulld'], Max: ['vmaxps', 'vpmaxsd'], Min: ['vminps', 'vpminsd'] } as const;
  writer.asm.op(names[op][isFloat ? 0 : 1], to, a, b, tail ? { mask: TAIL } : {});
}

function neutral(writer: VectorWriter, op: ReductionOp, dtype: Dtype, to: Zmm): void {
  const infinity = op === 'Max' ? -Infinity : Infinity;
  const whole = op === 'Max' ? -0x80000000 : 0x7fffffff;
  const one = op === 'Prod' ? 1 : op === 'Sum' || op === 'Mean' ? 0 : undefined;
  writer.fill(to, dtype === 'float32' ? writer.float(one ?? infinity) : writer.int(one ?? whole));
}

/** All sixteen elements become what they come to together. */
export function reduceAcrossLanes(writer: VectorWriter, op: ReductionOp, dtype: Dtype, x: Zmm): void {
  const other = writer.take();
  for (const [name, choice] of [['vshuff32x4', 0x4e], ['vshuff32x4', 0xb1]] as const) {
    writer.asm.opImm(name, other, x, x, choice);
    combine(writer, op, dtype, x, x, other);
  }
  for (const choice of [0x4e, 0xb1]) {
    writer.asm.unaryImm('vpshufd', other, x, choice);
    combine(writer, op, dtype, x, x, other);
  }
  writer.release(other);
}

export interface Reduction {
  readonly op: ReductionOp;
  readonly dtype: Dtype;
  readonly expression: Expression;
  /** Of the expression. */
  readonly shape: readonly number[];
  readonly axes: readonly number[];
  /** Strides are of the expression's shape, 0 along what is reduced. */
  readonly to: View;
  /** Factor of the result. */
  readonly scale: number;
}

function scaled(writer: VectorWriter, x: Zmm, scale: number): void {
  if (scale !== 1) writer.asm.op('vmulps', x, x, writer.float(scale));
}

/** Over axes of which the last is the expression's last: a result is made of whole vectors. */
function rowReduction({ op, dtype, expression, shape, axes, to, scale }: Reduction): Kernel {
  const pointers = new Pointers();
  pointers.addLoads([expression]);
  pointers.of(to);
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const reduced = pointers.axes(shape, axes);
  const inner = reduced.pop() ?? ONE_PLACE(pointers);
  const outer = pointers.axes(shape, kept);
  const writer = new VectorWriter(pointers, { outer, middle: reduced, inner });
  const code = writer.units(() => {
    const total = writer.take();
    neutral(writer, op, dtype, total);
    writer.eachMiddle(() => writer.inner((tail) => writeValues(writer, [expression], tail, ([value]) => combine(writer, op, dtype, total, total, value!, tail))));
    reduceAcrossLanes(writer, op, dtype, total);
    scaled(writer, total, scale);
    writer.asm.vmovss(writer.place(to), total);
    writer.release(total);
  }, reduced.length === 0);
  return kernelOf({ name: op, code, views: pointers.all, writes: [to], units: placesOf(outer), work: elementCount(shape), reach: { outer, rest: [...reduced, inner] } });
}

/** Over outer axes: rows are added up where the result lies. */
function columnReduction({ op, dtype, expression, shape, axes, to, scale }: Reduction): Kernel {
  const pointers = new Pointers();
  pointers.addLoads([expression]);
  pointers.of(to);
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const outer = pointers.axes(shape, kept);
  const inner = outer.pop() ?? ONE_PLACE(pointers);
  const middle = pointers.axes(shape, axes);
  const writer = new VectorWriter(pointers, { outer, middle, inner });
  const code = writer.units(() => {
    const total = writer.take();
    neutral(writer, op, dtype, total);
    writer.inner((tail) => writer.store(to, total, tail));
    writer.eachMiddle(() => writer.inner((tail) => writeValues(writer, [expression], tail, ([value]) => {
      writer.load(total, to, tail);
      combine(writer, op, dtype, total, total, value!);
      writer.store(to, total, tail);
    })));
    if (scale !== 1) writer.inner((tail) => {
      writer.load(total, to, tail);
      scaled(writer, total, scale);
      writer.store(to, total, tail);
    });
    writer.release(total);
  });
  return kernelOf({ name: op, code, views: pointers.all, writes: [to], units: placesOf(outer), work: elementCount(shape), reach: { outer, rest: [...middle, inner] } });
}

export function reductionKernel(reduction: Reduction): Kernel {
  const { shape, axes } = reduction;
  const last = shape.findLastIndex((size) => size > 1);
  return last < 0 || axes.includes(last) ? rowReduction(reduction) : columnReduction(reduction);
}

/** Rows of the last axis. */
class RowKernel {
  private readonly pointers = new Pointers();
  readonly writer: VectorWriter;
  private readonly reach: Reach;

  constructor(
    private readonly shape: readonly number[],
    expressions: readonly Expression[],
    private readonly stores: readonly View[],
  ) {
    this.pointers.addLoads(expressions);
    stores.forEach((view) => this.pointers.of(view));
    const last = shape.length - 1;
    const outer = this.pointers.axes(shape, shape.map((_, axis) => axis).slice(0, -1));
    const inner: Axis = { size: shape[last]!, strides: this.pointers.all.map(({ strides }) => strides[last]!) };
    this.writer = new VectorWriter(this.pointers, { outer, inner });
    this.reach = { outer, rest: [inner] };
  }

  kernel(name: string, unit: (writer: VectorWriter) => void): Kernel {
    const code = this.writer.units(() => unit(this.writer), true);
    return kernelOf({ name, code, views: this.pointers.all, writes: this.stores, units: placesOf(this.reach.outer), work: 4 * elementCount(this.shape), reach: this.reach });
  }
}

/** @param to where rows lie side by side, as long as they are */
export function softmaxKernel(shape: readonly number[], x: Expression, to: View): Kernel {
  return new RowKernel(shape, [x], [to]).kernel('Softmax', (writer) => {
    const { asm } = writer;
    const [peak, sum] = [writer.take(), writer.take()];
    neutral(writer, 'Max', 'float32', peak);
    writer.inner((tail) => writeValues(writer, [x], tail, ([value]) => {
      combine(writer, 'Max', 'float32', peak, peak, value!, tail);
      writer.store(to, value!, tail);
    }));
    reduceAcrossLanes(writer, 'Max', 'float32', peak);
    neutral(writer, 'Sum', 'float32', sum);
    const value = writer.take();
    writer.inner((tail) => {
      writer.load(value, to, tail);
      asm.op('vsubps', value, value, peak);
      exponential(writer, value, value);
      combine(writer, 'Sum', 'float32', sum, sum, value, tail);
      writer.store(to, value, tail);
    });
    reduceAcrossLanes(writer, 'Sum', 'float32', sum);
    writer.fill(peak, writer.float(1));
    asm.op('vdivps', sum, peak, sum);
    writer.inner((tail) => {
      writer.load(value, to, tail);
      asm.op('vmulps', value, value, sum);
      writer.store(to, value, tail);
    });
    writer.release(peak, sum, value);
  });
}

export interface LayerNormParts {
  readonly x: Expression;
  /** Of the shape of x. */
  readonly gamma: Expression;
  readonly beta?: Expression;
  readonly eps: number;
  /** Strides are of the shape of x; 0 along the last axis of mean and inverse standard deviation. */
  readonly to: View;
  readonly mean?: View;
  readonly inverseStd?: View;
}

export function layerNormKernel(shape: readonly number[], { x, gamma, beta, eps, to, mean, inverseStd }: LayerNormParts): Kernel {
  const width = shape.at(-1)!;
  const stores = [to, mean, inverseStd].filter((view) => view !== undefined);
  return new RowKernel(shape, [x, gamma, ...(beta ? [beta] : [])], stores).kernel('LayerNorm', (writer) => {
    const { asm } = writer;
    const [average, scale] = [writer.take(), writer.take()];
    neutral(writer, 'Sum', 'float32', average);
    writer.inner((tail) => writeValues(writer, [x], tail, ([value]) => combine(writer, 'Sum', 'float32', average, average, value!, tail)));
    reduceAcrossLanes(writer, 'Sum', 'float32', average);
    asm.op('vmulps', average, average, writer.float(1 / width));
    neutral(writer, 'Sum', 'float32', scale);
    writer.inner((tail) => writeValues(writer, [x], tail, ([value]) => {
      const distance = writer.take();
      asm.op('vsubps', distance, value!, average);
      asm.op('vfmadd231ps', scale, distance, distance, tail ? { mask: TAIL } : {});
      writer.release(distance);
    }));
    reduceAcrossLanes(writer, 'Sum', 'float32', scale);
    asm.op('vmulps', scale, scale, writer.float(1 / width));
    asm.op('vaddps', scale, scale, writer.float(eps));
    asm.unary('vsqrtps', scale, scale);
    const one = writer.take();
    writer.fill(one, writer.float(1));
    asm.op('vdivps', scale, one, scale);
    writer.release(one);
    writer.inner((tail) => writeValues(writer, [x, gamma, ...(beta ? [beta] : [])], tail, ([value, factor, shift]) => {
      const result = writer.take();
      asm.op('vsubps', result, value!, average);
      asm.op('vmulps', result, result, scale);
      asm.op('vmulps', result, result, factor!);
      if (shift !== undefined) asm.op('vaddps', result, result, shift);
      writer.store(to, result, tail);
      writer.release(result);
    }));
    if (mean) asm.vmovss(writer.place(mean), average);
    if (inverseStd) asm.vmovss(writer.place(inverseStd), scale);
    writer.release(average, scale);
  });
}
