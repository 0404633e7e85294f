/** What each TensorFlow.js kernel is in the graph. Kernels that have no entry cannot be compiled. */
import * as tf from '@tensorflow/tfjs-core';
import type { Dtype, Operations, OpName, Value } from './ir';
import type { Recorder } from './recorder';

/** A kernel's operands by TensorFlow.js's names (`x`, `a`, `b`, …), or by position where it takes a list. */
export type KernelInputs = Readonly<Record<string, Value>>;
export type KernelAttributes = Readonly<Record<string, unknown>>;
export type KernelRule = (recorder: Recorder, inputs: KernelInputs, attrs: KernelAttributes) => Value | Value[];

type OpWithoutAttributes = { [Op in OpName]: Record<never, never> extends Operations[Op] ? Op : never }[OpName];

/** For kernels that are an operation as they are: operands in the given order. */
function plain(op: OpWithoutAttributes, ...operands: string[]): KernelRule {
  return (recorder, inputs) => recorder.apply(op, {} as Operations[typeof op], operands.map((name) => inputs[name]!));
}

const unary = (op: OpWithoutAttributes): KernelRule => plain(op, 'x');
const binary = (op: OpWithoutAttributes): KernelRule => plain(op, 'a', 'b');

function axesOf(axis: unknown, rank: number): number[] {
  const axes = axis === null || axis === undefined ? Array.from({ length: rank }, (_, i) => i) : [axis as number | number[]].flat();
  return axes.map((i) => (i < 0 ? i + rank : i)).sort((a, b) => a - b);
}

function axisOf(axis: unknown, rank: number): number {
  return axesOf(axis, rank)[0]!;
}

function reshaped(recorder: Recorder, x: Value, shape: readonly number[]): Value {
  return recorder.apply('Reshape', { shape }, [x]);
}

function cast(recorder: Recorder, x: Value, dtype: Dtype): Value {
  return x.dtype === dtype ? x : recorder.apply('Cast', { dtype }, [x]);
}

function reduction(op: 'Sum' | 'Mean' | 'Max' | 'Min' | 'Prod', attribute: 'axis' | 'reductionIndices' = 'axis'): KernelRule {
  return (recorder, { x }, attrs) => {
    const operand = op === 'Mean' ? cast(recorder, x!, 'float32') : x!;
    const axes = axesOf(attrs[attribute] ?? attrs.axis, operand.shape.length);
    const keepDims = Boolean(attrs.keepDims);
    return axes.length === 0 ? operand : recorder.apply(op, { axes, keepDims }, [operand]);
  };
}

function indexOfExtreme(op: 'ArgMax' | 'ArgMin'): KernelRule {
  return (recorder, { x }, { axis }) => recorder.apply(op, { axis: axisOf(axis, x!.shape.length) }, [x!]);
}

const reshape: KernelRule = (recorder, { x }, { shape }) => reshaped(recorder, x!, tf.util.inferFromImplicitShape(shape as number[], size(x!)));

function size(x: Value): number {
  return x.shape.reduce((count, length) => count * length, 1);
}

const expandDims: KernelRule = (recorder, { input }, { dim }) => {
  const shape = input!.shape.slice();
  const at = dim as number;
  shape.splice(at < 0 ? at + shape.length + 1 : at, 0, 1);
  return reshaped(recorder, input!, shape);
};

const concat: KernelRule = (recorder, inputs, { axis }) => {
  const parts = Object.values(inputs).filter((part) => size(part) > 0);
  return parts.length === 1 ? parts[0]! : recorder.apply('Concat', { axis: axisOf(axis, parts[0]!.shape.length) }, parts);
};

const pack: KernelRule = (recorder, inputs, { axis }) => {
  const parts = Object.values(inputs);
  const at = axisOf(axis, parts[0]!.shape.length + 1);
  const rows = parts.map((part) => reshaped(recorder, part, part.shape.toSpliced(at, 0, 1)));
  return rows.length === 1 ? rows[0]! : recorder.apply('Concat', { axis: at }, rows);
};

const unpack: KernelRule = (recorder, { value }, { axis }) => {
  const at = axisOf(axis, value!.shape.length);
  const sizes = new Array<number>(value!.shape[at]!).fill(1);
  return recorder.applyAll('Split', { axis: at, sizes }, [value!]).map((part) => reshaped(recorder, part, part.shape.toSpliced(at, 1)));
};

const split: KernelRule = (recorder, { x }, { numOrSizeSplits, axis }) => {
  const at = axisOf(axis, x!.shape.length);
  const total = x!.shape[at]!;
  const asked = numOrSizeSplits as number | number[];
  const given = typeof asked === 'number' ? new Array<number>(asked).fill(total / asked) : asked;
  const known = given.reduce((sum, length) => sum + Math.max(length, 0), 0);
  const sizes = given.map((length) => (length < 0 ? total - known : length));
  return sizes.length === 1 ? [x!] : recorder.applyAll('Split', { axis: at, sizes }, [x!]);
};

const slice: KernelRule = (recorder, { x }, attrs) => {
  const shape = x!.shape;
  const begins = [attrs.begin as number | number[]].flat();
  const sizes = [attrs.size as number | number[]].flat();
  const begin = shape.map((_, i) => begins[i] ?? 0);
  return recorder.apply('Slice', { begin, size: shape.map((length, i) => ((sizes[i] ?? -1) < 0 ? length - begin[i]! : sizes[i]!)) }, [x!]);
};

const stridedSlice: KernelRule = (recorder, { x }, attrs) => {
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attrs as Record<string, number> & Record<'begin' | 'end' | 'strides', number[]>;
  const info = tf.slice_util.sliceInfo(x!.shape.slice(), begin, end, strides, beginMask!, endMask!, ellipsisMask!, newAxisMask!, shrinkAxisMask!);
  const taken = info.isIdentity ? x! : recorder.apply('StridedSlice', { begin: info.begin, end: info.end, strides: info.strides }, [x!]);
  return reshaped(recorder, taken, info.finalShape);
};

const oneHot: KernelRule = (recorder, { indices }, { depth, onValue, offValue, dtype }) =>
  recorder.apply('OneHot', { depth: depth as number, on: onValue as number, off: offValue as number, dtype: dtype as Dtype }, [indices!]);

const range: KernelRule = (recorder, _inputs, attrs) => {
  const { start, stop, step, dtype } = attrs as { start: number; stop: number; step: number; dtype: Dtype };
  const count = Math.max(0, Math.ceil((stop - start) / step));
  const numbers = Array.from({ length: count }, (_, i) => start + i * step);
  return recorder.constant([count], dtype, dtype === 'int32' ? Int32Array.from(numbers) : Float32Array.from(numbers));
};

const gather: KernelRule = (recorder, { x, indices }, { axis, batchDims }) => {
  if (batchDims) throw new Error('tf.gather with batchDims cannot be compiled.');
  return recorder.apply('Gather', { axis: axisOf(axis, x!.shape.length) }, [x!, indices!]);
};

const cumSum: KernelRule = (recorder, { x }, { axis, exclusive, reverse }) =>
  recorder.apply('CumSum', { axis: axisOf(axis, x!.shape.length), exclusive: Boolean(exclusive), reverse: Boolean(reverse) }, [x!]);

const matMul: KernelRule = (recorder, { a, b }, { transposeA, transposeB }) =>
  recorder.apply('MatMul', { transA: Boolean(transposeA), transB: Boolean(transposeB), alpha: 1 }, [a!, b!]);

export const kernelRules: Readonly<Record<string, KernelRule>> = {
  Identity: (_, { x }) => x!,
  Neg: unary('Neg'), Abs: unary('Abs'), Exp: unary('Exp'), Log: unary('Log'), Log1p: unary('Log1p'), Erf: unary('Erf'),
  Sqrt: unary('Sqrt'), Rsqrt: unary('Rsqrt'), Square: unary('Square'), Reciprocal: unary('Reciprocal'),
  Sigmoid: unary('Sigmoid'), Tanh: unary('Tanh'), Relu: unary('Relu'), Softplus: unary('Softplus'), Sign: unary('Sign'),
  Sin: unary('Sin'), Cos: unary('Cos'), Floor: unary('Floor'), Ceil: unary('Ceil'), Round: unary('Round'),
  LogicalNot: unary('LogicalNot'), IsFinite: unary('IsFinite'),
  Step: (recorder, { x }, { alpha }) => recorder.apply('Step', { alpha: alpha as number }, [x!]),
  ClipByValue: (recorder, { x }, { clipValueMin, clipValueMax }) => recorder.apply('Clip', { min: clipValueMin as number, max: clipValueMax as number }, [x!]),
  Cast: (recorder, { x }, { dtype }) => cast(recorder, x!, dtype as Dtype),
  Add: binary('Add'), Sub: binary('Sub'), Multiply: binary('Mul'), RealDiv: binary('Div'), Pow: binary('Pow'),
  Maximum: binary('Maximum'), Minimum: binary('Minimum'), SquaredDifference: binary('SquaredDifference'),
  Equal: binary('Equal'), NotEqual: binary('NotEqual'), Greater: binary('Greater'), GreaterEqual: binary('GreaterEqual'),
  Less: binary('Less'), LessEqual: binary('LessEqual'), LogicalAnd: binary('LogicalAnd'), LogicalOr: binary('LogicalOr'),
  AddN: (recorder, inputs) => Object.values(inputs).reduce((sum, term) => recorder.apply('Add', {}, [sum, term])),
  Select: plain('Select', 'condition', 't', 'e'),
  Sum: reduction('Sum'), Mean: reduction('Mean'), Prod: reduction('Prod'),
  Max: reduction('Max', 'reductionIndices'), Min: reduction('Min'),
  ArgMax: indexOfExtreme('ArgMax'), ArgMin: indexOfExtreme('ArgMin'),
  Softmax: (recorder, { logits }, { dim }) => recorder.apply('Softmax', { axis: axisOf(dim, logits!.shape.length) }, [logits!]),
  TopK: (recorder, { x }, { k }) => recorder.applyAll('TopK', { k: k as number }, [x!]),
  Reshape: reshape, ExpandDims: expandDims,
  Transpose: (recorder, { x }, { perm }) => recorder.apply('Transpose', { perm: perm as number[] }, [x!]),
  Concat: concat, Pack: pack, Unpack: unpack, SplitV: split, Slice: slice, StridedSlice: stridedSlice,
  PadV2: (recorder, { x }, { paddings, constantValue }) => recorder.apply('Pad', { paddings: paddings as [number, number][], value: constantValue as number }, [x!]),
  Tile: (recorder, { x }, { reps }) => recorder.apply('Tile', { reps: reps as number[] }, [x!]),
  Reverse: (recorder, { x }, { dims }) => recorder.apply('Reverse', { axes: axesOf(dims, x!.shape.length) }, [x!]),
  GatherV2: gather, OneHot: oneHot, Cumsum: cumSum,
  UnsortedSegmentSum: (recorder, { x, segmentIds }, { numSegments }) => recorder.apply('SegmentSum', { count: numSegments as number }, [x!, segmentIds!]),
  BatchMatMul: matMul,
  Fill: (recorder, _, attrs) => recorder.filled(attrs.shape as number[], attrs.dtype as Dtype, attrs.value as number),
  ZerosLike: (recorder, { x }) => recorder.filled(x!.shape, x!.dtype, 0),
  OnesLike: (recorder, { x }) => recorder.filled(x!.shape, x!.dtype, 1),
  Range: range,
};
