/**
 * The graph that a traced program becomes: plain data, in static single assignment. Values are numbered; every node
 * says its operation, attributes, and which values it reads and makes. Passes map graphs to graphs; lowering.ts says
 * what each operation is in ONNX.
 */

/** `int8` is of quantized weights only. */
export type Dtype = 'float32' | 'int32' | 'bool' | 'int8';
export type ConstantData = Float32Array | Int32Array | Uint8Array | Int8Array;
export type ValueId = number;

export interface Value {
  readonly id: ValueId;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  /** Of inputs and named constants. */
  readonly name?: string;
  /** Of constants: the elements, row-major; booleans as 0 and 1. */
  readonly data?: ConstantData;
}

type None = Record<never, never>;
interface Reduction {
  /** Non-negative, ascending. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** Every operation with its attributes. Axes are non-negative, sizes written out. */
export interface Operations {
  // Elementwise, one operand.
  Neg: None; Abs: None; Exp: None; Log: None; Log1p: None; Erf: None; Sqrt: None; Rsqrt: None; Square: None;
  Reciprocal: None; Sigmoid: None; Tanh: None; Relu: None; Softplus: None; Sign: None; Sin: None; Cos: None;
  Floor: None; Ceil: None; Round: None; LogicalNot: None; IsFinite: None;
  Step: { readonly alpha: number };
  Clip: { readonly min: number; readonly max: number };
  Cast: { readonly dtype: Dtype };
  // Elementwise with broadcasting.
  Add: None; Sub: None; Mul: None; Div: None; Pow: None; Maximum: None; Minimum: None; SquaredDifference: None;
  Equal: None; NotEqual: None; Greater: None; GreaterEqual: None; Less: None; LessEqual: None;
  LogicalAnd: None; LogicalOr: None;
  /** condition, then, else. */
  Select: None;
  // Reductions.
  Sum: Reduction; Mean: Reduction; Max: Reduction; Min: Reduction; Prod: Reduction;
  ArgMax: { readonly axis: number }; ArgMin: { readonly axis: number };
  Softmax: { readonly axis: number };
  /** Of the last axis: the k largest, descending, and their indices. */
  TopK: { readonly k: number };
  // Layout.
  Reshape: { readonly shape: readonly number[] };
  Transpose: { readonly perm: readonly number[] };
  Concat: { readonly axis: number };
  Split: { readonly axis: number; readonly sizes: readonly number[] };
  Slice: { readonly begin: readonly number[]; readonly size: readonly number[] };
  StridedSlice: { readonly begin: readonly number[]; readonly end: readonly number[]; readonly strides: readonly number[] };
  Pad: { readonly paddings: readonly (readonly [number, number])[]; readonly value: number };
  Tile: { readonly reps: readonly number[] };
  Reverse: { readonly axes: readonly number[] };
  // Indexing.
  Gather: { readonly axis: number };
  OneHot: { readonly depth: number; readonly on: number; readonly off: number; readonly dtype: Dtype };
  /** Rows of the first operand added up by the segment that the second names. */
  SegmentSum: { readonly count: number };
  CumSum: { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean };
  /** alpha · op(A)·op(B) over the last two axes, with broadcast batch axes. */
  MatMul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  // Made by passes only.
  /** x, gamma[, beta] over the last axis → y[, mean, 1/std]. */
  LayerNorm: { readonly eps: number; readonly outputs: 1 | 3 };
  /** x [B·T, D], weight [D, 3·H·d] of queries, keys and values, bias [3·H·d] → softmax(scale·q·kᵀ)·v of each head [B·T, H·d]. */
  Attention: { readonly batch: number; readonly heads: number; readonly scale: number };
  /** x [rows, K], int8 weights [K, N], float32 scales [N] → x·(scales ⊙ weights) [rows, N]; x is rounded to 8 bits as it comes. */
  QuantizedMatMul: None;
}

export type OpName = keyof Operations;

export interface NodeOf<Op extends OpName> {
  readonly op: Op;
  readonly attrs: Operations[Op];
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
}

export type Node = { [Op in OpName]: NodeOf<Op> }[OpName];

export interface GraphInput {
  readonly kind: 'state' | 'batch';
  readonly name: string;
  readonly value: ValueId;
}

export interface GraphOutput {
  readonly kind: 'state' | 'reading';
  readonly name: string;
  readonly value: ValueId;
}

export interface Graph {
  readonly name: string;
  /** By id; ids are never reused. */
  readonly values: ReadonlyMap<ValueId, Value>;
  /** In an order in which they can run. */
  readonly nodes: readonly Node[];
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutput[];
}

export function valueOf(graph: Graph, id: ValueId): Value {
  const value = graph.values.get(id);
  if (!value) throw new Error(`Graph "${graph.name}" has no value ${id}.`);
  return value;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** The number a value is everywhere the same constant of, for rank 0 or one element. */
export function scalarOf(value: Value): number | undefined {
  return value.data?.length === 1 ? value.data[0] : undefined;
}

export function allocate(dtype: Dtype, length: number): ConstantData {
  switch (dtype) {
    case 'float32':
      return new Float32Array(length);
    case 'int32':
      return new Int32Array(length);
    case 'bool':
      return new Uint8Array(length);
    case 'int8':
      return new Int8Array(length);
  }
}
