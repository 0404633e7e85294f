/**
 * What a kernel computes element by element: operations over numbers that are read from memory. Where a number is read is affine in the
 * element's coordinates, so that broadcasting, turning, slicing and, mostly, reshaping are other strides and no pass over memory.
 */
import type { Dtype, NodeOf, OpName, Operations, ValueId } from '../compiled/ir';

/** Elements of a value in memory, by the coordinates of the shape that the expression has. */
export interface Load {
  readonly kind: 'load';
  /** The value whose memory it is. */
  readonly root: ValueId;
  readonly dtype: Dtype;
  /** In elements. */
  readonly offset: number;
  readonly strides: readonly number[];
}

export interface Number_ {
  readonly kind: 'number';
  readonly dtype: Dtype;
  readonly number: number;
}

export interface Compute {
  readonly kind: 'compute';
  readonly op: OpName;
  readonly dtype: Dtype;
  /** Of the operation, for those that have any. */
  readonly attrs: Operations[OpName];
  readonly operands: readonly Expression[];
}

export type Expression = Load | Number_ | Compute;

/** Where elements lie or go: a part of a value's memory. */
export type View = Pick<Load, 'root' | 'offset' | 'strides'>;

export function contiguous(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** A kernel computes no more at once: there are 32 vector registers. */
const MOST_PARTS = 60;
const MOST_LOADS = 14;

/** Whether these are too much for one kernel. */
export function isLarge(expressions: readonly Expression[]): boolean {
  const seen = new Set<Expression>();
  const visit = (part: Expression): void => {
    if (seen.has(part)) return;
    seen.add(part);
    if (part.kind === 'compute') part.operands.forEach(visit);
  };
  expressions.forEach(visit);
  return seen.size > MOST_PARTS || loadsOf(expressions).length > MOST_LOADS;
}

/** The same operations over loads that `change` gives other strides; undefined where it cannot for one of them. */
export function changed<Result extends Expression>(expression: Result, change: (load: Load) => Load | undefined): Result | undefined {
  return replacedWhole(expression, change) as Result | undefined;
}

/** The same operations over other expressions. */
export function replaced(expression: Expression, change: (load: Load) => Expression): Expression {
  return replacedWhole(expression, change)!;
}

function replacedWhole(expression: Expression, change: (load: Load) => Expression | undefined): Expression | undefined {
  const known = new Map<Expression, Expression | undefined>();
  const visit = (part: Expression): Expression | undefined => {
    if (part.kind === 'number') return part;
    if (known.has(part)) return known.get(part);
    const made = part.kind === 'load' ? change(part) : withOperands(part, part.operands.map(visit));
    known.set(part, made);
    return made;
  };
  return visit(expression);
}

function withOperands(part: Compute, operands: readonly (Expression | undefined)[]): Compute | undefined {
  return operands.every((operand) => operand !== undefined) ? { ...part, operands } : undefined;
}

export function loadsOf(expressions: readonly Expression[]): Load[] {
  const found = new Set<Load>();
  const seen = new Set<Expression>();
  const visit = (part: Expression): void => {
    if (seen.has(part)) return;
    seen.add(part);
    if (part.kind === 'load') found.add(part);
    else if (part.kind === 'compute') part.operands.forEach(visit);
  };
  expressions.forEach(visit);
  return [...found];
}

/** As often as broadcasting needs it. */
export function broadcast(expression: Expression, from: readonly number[], to: readonly number[]): Expression {
  const missing = to.length - from.length;
  return changed(expression, (load) => ({ ...load, strides: to.map((size, axis) => (axis < missing || from[axis - missing] !== size ? 0 : load.strides[axis - missing]!)) }))!;
}

/** Strides of the same elements under another shape; undefined where they are not affine there. */
export function reshaped(strides: readonly number[], from: readonly number[], to: readonly number[]): number[] | undefined {
  const axes = from.map((size, axis) => ({ size, stride: strides[axis]! })).filter(({ size }) => size !== 1);
  const result: number[] = new Array<number>(to.length).fill(0);
  let next = 0;
  let axis = 0;
  while (axis < to.length) {
    if (to[axis] === 1) {
      axis++;
      continue;
    }
    // The fewest axes on either side that hold as many elements.
    let [begin, end] = [axis, axis + 1];
    let [wanted, had] = [to[axis]!, axes[next]?.size ?? 0];
    const group = [axes[next++]!];
    while (wanted !== had) {
      if (wanted < had) {
        if (end >= to.length) return undefined;
        wanted *= to[end++]!;
      } else {
        const following = axes[next++];
        if (!following) return undefined;
        group.push(following);
        had *= following.size;
      }
    }
    for (let i = 0; i + 1 < group.length; i++) if (group[i]!.stride !== group[i + 1]!.stride * group[i + 1]!.size) return undefined;
    let stride = group.at(-1)!.stride;
    for (let at = end - 1; at >= begin; at--) {
      result[at] = stride;
      stride *= to[at]!;
    }
    begin = end;
    axis = begin;
  }
  return result;
}

/** What an operation of layout makes of where elements lie; undefined where that is not affine. */
export function laidOut(
  { op, attrs }: Pick<NodeOf<'Reshape' | 'Transpose' | 'Split' | 'Slice' | 'StridedSlice' | 'Reverse' | 'Tile'>, 'op' | 'attrs'>,
  view: Load,
  from: readonly number[],
  to: readonly number[],
  output: number,
): Load | undefined {
  const { strides, offset } = view;
  const moved = (begin: readonly number[]): number => offset + begin.reduce((sum, start, axis) => sum + start * strides[axis]!, 0);
  switch (op) {
    case 'Reshape': {
      const own = reshaped(strides, from, to);
      return own && { ...view, strides: own };
    }
    case 'Transpose':
      return { ...view, strides: (attrs as Operations['Transpose']).perm.map((axis) => strides[axis]!) };
    case 'Split': {
      const { axis, sizes } = attrs as Operations['Split'];
      return { ...view, offset: offset + strides[axis]! * sizes.slice(0, output).reduce((sum, size) => sum + size, 0) };
    }
    case 'Slice':
      return { ...view, offset: moved((attrs as Operations['Slice']).begin) };
    case 'StridedSlice': {
      const { begin, strides: steps } = attrs as Operations['StridedSlice'];
      return { ...view, offset: moved(begin), strides: strides.map((stride, axis) => stride * steps[axis]!) };
    }
    case 'Reverse': {
      const { axes } = attrs as Operations['Reverse'];
      return { ...view, offset: moved(from.map((size, axis) => (axes.includes(axis) ? size - 1 : 0))), strides: strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride)) };
    }
    case 'Tile':
      return from.every((size, axis) => size === 1 || size === to[axis]) ? { ...view, strides: strides.map((stride, axis) => (from[axis] === to[axis] ? stride : 0)) } : undefined;
  }
}
