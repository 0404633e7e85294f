/** The shape and type of what every operation makes: one table for the tracer, the passes and the validator. */
import type { Dtype, Operations, OpName } from './ir';

export interface TensorType {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

type Rule<Op extends OpName> = (attrs: Operations[Op], inputs: readonly TensorType[]) => TensorType[];

/** NumPy broadcasting. @throws Error where the shapes do not fit. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new Error(`Shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast.`);
    return x === 1 ? y : x;
  });
}

const first = (inputs: readonly TensorType[]): TensorType => inputs[0]!;
const same = (_: object, inputs: readonly TensorType[]): TensorType[] => [{ shape: first(inputs).shape, dtype: first(inputs).dtype }];
const elementwise = (_: object, [a, b]: readonly TensorType[]): TensorType[] => [{ shape: broadcast(a!.shape, b!.shape), dtype: a!.dtype }];
const comparison = (_: object, [a, b]: readonly TensorType[]): TensorType[] => [{ shape: broadcast(a!.shape, b!.shape), dtype: 'bool' }];

function reduce({ axes, keepDims }: { axes: readonly number[]; keepDims: boolean }, inputs: readonly TensorType[]): TensorType[] {
  const { shape, dtype } = first(inputs);
  const sizes = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  return [{ shape: keepDims ? sizes : shape.filter((_, axis) => !axes.includes(axis)), dtype }];
}

function indexOf({ axis }: { axis: number }, inputs: readonly TensorType[]): TensorType[] {
  return [{ shape: first(inputs).shape.filter((_, i) => i !== axis), dtype: 'int32' }];
}

function withAxis(shape: readonly number[], axis: number, size: number): number[] {
  return shape.map((old, i) => (i === axis ? size : old));
}

function transposed(shape: readonly number[]): number[] {
  return [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
}

function matMul(attrs: Operations['MatMul'], [a, b]: readonly TensorType[]): TensorType[] {
  const left = attrs.transA ? transposed(a!.shape) : a!.shape;
  const right = attrs.transB ? transposed(b!.shape) : b!.shape;
  if (left.at(-1) !== right.at(-2)) throw new Error(`MatMul of [${left.join(', ')}] and [${right.join(', ')}].`);
  return [{ shape: [...broadcast(left.slice(0, -2), right.slice(0, -2)), left.at(-2)!, right.at(-1)!], dtype: 'float32' }];
}

function layerNorm({ outputs }: Operations['LayerNorm'], inputs: readonly TensorType[]): TensorType[] {
  const { shape } = first(inputs);
  const statistic: TensorType = { shape: [...shape.slice(0, -1), 1], dtype: 'float32' };
  const normalised: TensorType = { shape, dtype: 'float32' };
  return outputs === 1 ? [normalised] : [normalised, statistic, statistic];
}

const rules: { readonly [Op in OpName]: Rule<Op> } = {
  Neg: same, Abs: same, Exp: same, Log: same, Log1p: same, Erf: same, Sqrt: same, Rsqrt: same, Square: same,
  Reciprocal: same, Sigmoid: same, Tanh: same, Relu: same, Softplus: same, Sign: same, Sin: same, Cos: same,
  Floor: same, Ceil: same, Round: same, LogicalNot: same, Step: same, Clip: same,
  Softmax: same, Reverse: same, CumSum: same,
  IsFinite: (_, inputs) => [{ shape: first(inputs).shape, dtype: 'bool' }],
  Cast: ({ dtype }, inputs) => [{ shape: first(inputs).shape, dtype }],
  Add: elementwise, Sub: elementwise, Mul: elementwise, Div: elementwise, Pow: elementwise, Maximum: elementwise,
  Minimum: elementwise, SquaredDifference: elementwise,
  Equal: comparison, NotEqual: comparison, Greater: comparison, GreaterEqual: comparison, Less: comparison,
  LessEqual: comparison, LogicalAnd: comparison, LogicalOr: comparison,
  Select: (_, [condition, then, otherwise]) => [{ shape: broadcast(condition!.shape, broadcast(then!.shape, otherwise!.shape)), dtype: then!.dtype }],
  Sum: reduce, Mean: reduce, Max: reduce, Min: reduce, Prod: reduce, ArgMax: indexOf, ArgMin: indexOf,
  TopK: ({ k }, inputs) => {
    const shape = [...first(inputs).shape.slice(0, -1), k];
    return [{ shape, dtype: first(inputs).dtype }, { shape, dtype: 'int32' }];
  },
  Reshape: ({ shape }, inputs) => [{ shape, dtype: first(inputs).dtype }],
  Transpose: ({ perm }, inputs) => [{ shape: perm.map((axis) => first(inputs).shape[axis]!), dtype: first(inputs).dtype }],
  Concat: ({ axis }, inputs) => {
    const size = inputs.reduce((total, { shape }) => total + shape[axis]!, 0);
    return [{ shape: withAxis(first(inputs).shape, axis, size), dtype: first(inputs).dtype }];
  },
  Split: ({ axis, sizes }, inputs) => sizes.map((size) => ({ shape: withAxis(first(inputs).shape, axis, size), dtype: first(inputs).dtype })),
  Slice: ({ size }, inputs) => [{ shape: size, dtype: first(inputs).dtype }],
  StridedSlice: ({ begin, end, strides }, inputs) => [{
    shape: begin.map((from, i) => Math.max(0, Math.ceil((end[i]! - from) / strides[i]!))),
    dtype: first(inputs).dtype,
  }],
  Pad: ({ paddings }, inputs) => [{ shape: first(inputs).shape.map((size, i) => size + paddings[i]![0] + paddings[i]![1]), dtype: first(inputs).dtype }],
  Tile: ({ reps }, inputs) => [{ shape: first(inputs).shape.map((size, i) => size * reps[i]!), dtype: first(inputs).dtype }],
  Gather: ({ axis }, [x, indices]) => [{ shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)], dtype: x!.dtype }],
  OneHot: ({ depth, dtype }, inputs) => [{ shape: [...first(inputs).shape, depth], dtype }],
  SegmentSum: ({ count }, inputs) => [{ shape: [count, ...first(inputs).shape.slice(1)], dtype: first(inputs).dtype }],
  MatMul: matMul,
  LayerNorm: layerNorm,
  Attention: (_, [x, weight]) => [{ shape: [x!.shape[0]!, weight!.shape[1]! / 3], dtype: 'float32' }],
  QuantizedMatMul: (_, [x, weights]) => [{ shape: [x!.shape[0]!, weights!.shape[1]!], dtype: 'float32' }],
};

/** @throws Error where the inputs do not fit the operation. */
export function inferTypes<Op extends OpName>(op: Op, attrs: Operations[Op], inputs: readonly TensorType[]): TensorType[] {
  return rules[op](attrs, inputs);
}
