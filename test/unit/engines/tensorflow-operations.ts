/**
 * The operations of TensorFlow that training steps use, as the C interface declares them (tensorflow.org, "Raw ops"), each with
 * the kernel of TensorFlow.js that computes the same on the CPU.
 */
import type { NamedAttrMap } from '@tensorflow/tfjs-core';

export interface OperationInput {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly data: ArrayLike<number>;
}

export interface CpuCall {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, OperationInput>> | readonly OperationInput[];
  readonly attrs?: NamedAttrMap;
}

export interface Operation {
  /** Attributes of a type, each with the inputs (by position; `all` of a list) or the output that are of it. */
  readonly types: Readonly<Record<string, readonly number[] | 'all' | 'all but last' | 'output'>>;
  /** The others, by kind. */
  readonly attrs?: Readonly<Record<string, 'bool' | 'int' | 'float'>>;
  /** How many there are, or which attribute says it. */
  readonly inputs: number | { readonly listOf: string; readonly more: number };
  call(inputs: readonly OperationInput[], attrs: Readonly<Record<string, unknown>>): CpuCall;
}

const list = (input: OperationInput): number[] => Array.from(input.data);
const only = (input: OperationInput): number => list(input)[0]!;

const unary = (kernel: string): Operation => ({ types: { T: [0] }, inputs: 1, call: ([x]) => ({ kernel, inputs: { x: x! } }) });
const binary = (kernel: string): Operation => ({ types: { T: [0, 1] }, inputs: 2, call: ([a, b]) => ({ kernel, inputs: { a: a!, b: b! } }) });
const logical = (kernel: string): Operation => ({ ...binary(kernel), types: {} });

const reduction = (kernel: string, axisName = 'axis'): Operation => ({
  types: { T: [0], Tidx: [1] },
  attrs: { keep_dims: 'bool' },
  inputs: 2,
  call: ([x, axes], { keep_dims: keepDims }) => ({ kernel, inputs: { x: x! }, attrs: { [axisName]: list(axes!), keepDims: keepDims as boolean } }),
});

export const operations: Readonly<Record<string, Operation>> = {
  Abs: unary('Abs'), Neg: unary('Neg'), Exp: unary('Exp'), Log: unary('Log'), Log1p: unary('Log1p'), Erf: unary('Erf'), Sqrt: unary('Sqrt'),
  Rsqrt: unary('Rsqrt'), Square: unary('Square'), Sigmoid: unary('Sigmoid'), Relu: unary('Relu'), Sign: unary('Sign'), Softplus: unary('Softplus'),
  Floor: unary('Floor'), Reciprocal: unary('Reciprocal'), ZerosLike: unary('ZerosLike'), OnesLike: unary('OnesLike'),
  Softmax: { types: { T: [0] }, inputs: 1, call: ([logits]) => ({ kernel: 'Softmax', inputs: { logits: logits! }, attrs: { dim: logits!.shape.length - 1 } }) },
  AddV2: binary('Add'), Add: binary('Add'), Sub: binary('Sub'), Mul: binary('Multiply'), RealDiv: binary('RealDiv'), Div: binary('RealDiv'), Pow: binary('Pow'),
  Maximum: binary('Maximum'), Minimum: binary('Minimum'), SquaredDifference: binary('SquaredDifference'), Atan2: binary('Atan2'),
  Equal: binary('Equal'), NotEqual: binary('NotEqual'), Greater: binary('Greater'), GreaterEqual: binary('GreaterEqual'), Less: binary('Less'), LessEqual: binary('LessEqual'),
  LogicalAnd: logical('LogicalAnd'), LogicalOr: logical('LogicalOr'), LogicalNot: { types: {}, inputs: 1, call: ([x]) => ({ kernel: 'LogicalNot', inputs: { x: x! } }) },
  Sum: reduction('Sum'), Mean: reduction('Mean'), Prod: reduction('Prod'), Max: reduction('Max', 'reductionIndices'), Min: reduction('Min', 'reductionIndices'),
  Cast: { types: { SrcT: [0], DstT: 'output' }, attrs: { Truncate: 'bool' }, inputs: 1, call: ([x], { DstT }) => ({ kernel: 'Cast', inputs: { x: x! }, attrs: { dtype: DstT as string } }) },
  Reshape: { types: { T: [0], Tshape: [1] }, inputs: 2, call: ([x, shape]) => ({ kernel: 'Reshape', inputs: { x: x! }, attrs: { shape: list(shape!) } }) },
  Transpose: { types: { T: [0], Tperm: [1] }, inputs: 2, call: ([x, perm]) => ({ kernel: 'Transpose', inputs: { x: x! }, attrs: { perm: list(perm!) } }) },
  Slice: { types: { T: [0], Index: [1, 2] }, inputs: 3, call: ([x, begin, size]) => ({ kernel: 'Slice', inputs: { x: x! }, attrs: { begin: list(begin!), size: list(size!) } }) },
  Tile: { types: { T: [0], Tmultiples: [1] }, inputs: 2, call: ([x, reps]) => ({ kernel: 'Tile', inputs: { x: x! }, attrs: { reps: list(reps!) } }) },
  ExpandDims: { types: { T: [0], Tdim: [1] }, inputs: 2, call: ([input, dim]) => ({ kernel: 'ExpandDims', inputs: { input: input! }, attrs: { dim: only(dim!) } }) },
  Select: { types: { T: [1, 2] }, inputs: 3, call: ([condition, t, e]) => ({ kernel: 'Select', inputs: { condition: condition!, t: t!, e: e! } }) },
  SelectV2: { types: { T: [1, 2] }, inputs: 3, call: ([condition, t, e]) => ({ kernel: 'Select', inputs: { condition: condition!, t: t!, e: e! } }) },
  Fill: { types: { T: [1], index_type: [0] }, inputs: 2, call: ([shape, value]) => ({ kernel: 'Fill', inputs: {}, attrs: { shape: list(shape!), value: only(value!), dtype: value!.dtype } }) },
  ArgMax: { types: { T: [0], Tidx: [1], output_type: 'output' }, inputs: 2, call: ([x, axis]) => ({ kernel: 'ArgMax', inputs: { x: x! }, attrs: { axis: only(axis!) } }) },
  TopKV2: { types: { T: [0] }, attrs: { sorted: 'bool' }, inputs: 2, call: ([x, k], { sorted }) => ({ kernel: 'TopK', inputs: { x: x! }, attrs: { k: only(k!), sorted: sorted as boolean } }) },
  BatchMatMulV2: { types: { T: [0, 1] }, attrs: { adj_x: 'bool', adj_y: 'bool' }, inputs: 2, call: ([a, b], attrs) => ({ kernel: 'BatchMatMul', inputs: { a: a!, b: b! }, attrs: { transposeA: attrs['adj_x'] as boolean, transposeB: attrs['adj_y'] as boolean } }) },
  ConcatV2: { types: { T: 'all but last', Tidx: 'output' }, attrs: { N: 'int' }, inputs: { listOf: 'N', more: 1 }, call: (inputs) => ({ kernel: 'Concat', inputs: inputs.slice(0, -1), attrs: { axis: only(inputs.at(-1)!) } }) },
  Pack: { types: { T: 'all' }, attrs: { N: 'int', axis: 'int' }, inputs: { listOf: 'N', more: 0 }, call: (inputs, { axis }) => ({ kernel: 'Pack', inputs, attrs: { axis: axis as number } }) },
  Unpack: { types: { T: [0] }, attrs: { num: 'int', axis: 'int' }, inputs: 1, call: ([value], { axis }) => ({ kernel: 'Unpack', inputs: { value: value! }, attrs: { axis: axis as number } }) },
  SplitV: { types: { T: [0], Tlen: [1] }, attrs: { num_split: 'int' }, inputs: 3, call: ([x, sizes, axis]) => ({ kernel: 'SplitV', inputs: { x: x! }, attrs: { numOrSizeSplits: list(sizes!), axis: only(axis!) } }) },
  PadV2: { types: { T: [0, 2], Tpaddings: [1] }, inputs: 3, call: ([x, paddings, value]) => ({ kernel: 'PadV2', inputs: { x: x! }, attrs: { paddings: x!.shape.map((_, i) => list(paddings!).slice(2 * i, 2 * i + 2)) as unknown as number[], constantValue: only(value!) } }) },
  GatherV2: { types: { Tparams: [0], Tindices: [1], Taxis: [2] }, attrs: { batch_dims: 'int' }, inputs: 3, call: ([x, indices, axis], attrs) => ({ kernel: 'GatherV2', inputs: { x: x!, indices: indices! }, attrs: { axis: only(axis!), batchDims: attrs['batch_dims'] as number } }) },
  OneHot: { types: { T: [2, 3], TI: [0] }, attrs: { axis: 'int' }, inputs: 4, call: ([indices, depth, on, off]) => ({ kernel: 'OneHot', inputs: { indices: indices! }, attrs: { depth: only(depth!), onValue: only(on!), offValue: only(off!), dtype: on!.dtype } }) },
};
