/** A use of every kernel that the tracer knows, for the engines that compute what it traced. */
import * as tf from '@tensorflow/tfjs-core';
import { int32 } from '../../../extension/core/tensors';
import type { Program } from '../../../extension/training/engines/engine';
import { functionOf } from './comparing';
import { normals } from './small-programs';

export const kernelBatch = {
  x: normals([2, 3, 4], 1), y: normals([2, 3, 4], 2), v: normals([4], 3), m: normals([3, 4], 4), n: normals([5, 4], 5),
  wide: normals([6, 10], 6), ids: int32([4], Int32Array.of(2, 0, 1, 2)), table: int32([2, 3], Int32Array.of(0, 2, 1, 1, 2, 0)),
};

type Case = (t: Record<keyof typeof kernelBatch, tf.Tensor>) => tf.Tensor | tf.Tensor[];
const positive = (x: tf.Tensor): tf.Tensor => tf.add(tf.abs(x), 0.1);

export const kernelCases: Record<string, Case> = {
  Identity: ({ x }) => tf.add(tf.clone(x), 1),
  Neg: ({ x }) => tf.neg(x), Abs: ({ x }) => tf.abs(x), Exp: ({ x }) => tf.exp(x), Log: ({ x }) => tf.log(positive(x)),
  Log1p: ({ x }) => tf.log1p(positive(x)), Erf: ({ x }) => tf.erf(x), Sqrt: ({ x }) => tf.sqrt(positive(x)),
  Rsqrt: ({ x }) => tf.rsqrt(positive(x)), Square: ({ x }) => tf.square(x), Reciprocal: ({ x }) => tf.reciprocal(positive(x)),
  Sigmoid: ({ x }) => tf.sigmoid(x), Tanh: ({ x }) => tf.tanh(x), Relu: ({ x }) => tf.relu(x), Softplus: ({ x }) => tf.softplus(x),
  Sign: ({ x }) => tf.sign(x), Sin: ({ x }) => tf.sin(x), Cos: ({ x }) => tf.cos(x), Floor: ({ x }) => tf.floor(x),
  Ceil: ({ x }) => tf.ceil(x), Round: ({ x }) => tf.round(tf.mul(x, 3)), Step: ({ x }) => [tf.step(x), tf.step(x, 0.2)],
  ClipByValue: ({ x }) => tf.clipByValue(x, -0.5, 0.7),
  Cast: ({ x, ids }) => [tf.cast(tf.mul(x, 3), 'int32'), tf.cast(ids, 'float32'), tf.cast(tf.cast(ids, 'bool'), 'float32')],
  Add: ({ x, v }) => tf.add(x, v), Sub: ({ v, x }) => tf.sub(v, x), Multiply: ({ x, y }) => tf.mul(x, y),
  RealDiv: ({ x, y }) => tf.div(x, positive(y)), Pow: ({ x }) => [tf.pow(positive(x), 1.5), tf.pow(tf.scalar(0.9), x)],
  Maximum: ({ x, y }) => tf.maximum(x, y), Minimum: ({ x, v }) => tf.minimum(x, v), SquaredDifference: ({ x, v }) => tf.squaredDifference(x, v),
  Equal: ({ ids }) => tf.equal(ids, 2), NotEqual: ({ ids }) => tf.notEqual(ids, 2), Greater: ({ x, y }) => tf.greater(x, y),
  GreaterEqual: ({ ids }) => tf.greaterEqual(ids, 1), Less: ({ x, v }) => tf.less(x, v), LessEqual: ({ ids }) => tf.lessEqual(ids, 1),
  LogicalAnd: ({ x, y }) => tf.logicalAnd(tf.greater(x, 0), tf.greater(y, 0)), LogicalOr: ({ x, y }) => tf.logicalOr(tf.greater(x, 0), tf.greater(y, 0)),
  LogicalNot: ({ x }) => tf.logicalNot(tf.greater(x, 0)),
  // 1/0, 0/0 and numbers, of which no engine knows before it runs.
  IsFinite: ({ x }) => [tf.isFinite(tf.div(x, tf.relu(x))), tf.isFinite(tf.div(1, tf.relu(x))), tf.isFinite(tf.mul(x, 1e38))],
  AddN: ({ x, y }) => tf.addN([x, y, x]),
  Select: ({ x, y, v }) => [tf.where(tf.greater(x, 0), x, y), tf.where(tf.greater(v, 0), x, tf.neg(x))],
  Sum: ({ x }) => [tf.sum(positive(x)), tf.sum(x, 0), tf.sum(x, [-1, 0], true), tf.sum(tf.greater(x, 0))],
  Mean: ({ x, ids }) => [tf.mean(positive(x)), tf.mean(x, [1]), tf.mean(x, -1, true), tf.mean(ids)], Max: ({ x }) => [tf.max(x, 1), tf.max(x)],
  Min: ({ x }) => tf.min(x, -1, true), Prod: ({ x }) => tf.prod(x, 0), ArgMax: ({ x }) => tf.argMax(x, -1), ArgMin: ({ x }) => tf.argMin(x, 1),
  Softmax: ({ x }) => [tf.softmax(x), tf.logSoftmax(x)],
  TopK: ({ wide }) => Object.values(tf.topk(wide, 4)),
  Reshape: ({ x }) => tf.reshape(x, [-1, 6]), ExpandDims: ({ x }) => tf.expandDims(x, -1), Transpose: ({ x }) => tf.transpose(x, [2, 0, 1]),
  Concat: ({ x, y }) => tf.concat([x, y, x], 1), Pack: ({ x, y }) => [tf.stack([x, y], 1), tf.stack([x], -1)], Unpack: ({ x }) => tf.unstack(x, 1),
  SplitV: ({ x }) => [...tf.split(x, 2, -1), ...tf.split(x, [1, -1], 1)], Slice: ({ x }) => [tf.slice(x, [0, 1, 2], [-1, 1, 2]), tf.slice(x, 1, 1)],
  StridedSlice: ({ x }) => [tf.stridedSlice(x, [0, 0, 3], [2, 3, 0], [1, 2, -1]), tf.stridedSlice(x, [1], [2], [1], 0, 0, 0, 0, 1)],
  PadV2: ({ m }) => [tf.pad(m, [[1, 0], [0, 2]]), tf.pad(m, [[0, 0], [1, 1]], 0.5)],
  Tile: ({ m, v }) => [tf.tile(m, [2, 1]), tf.broadcastTo(v, [3, 4])], Reverse: ({ x }) => tf.reverse(x, [0, -1]),
  GatherV2: ({ x, m, ids, table }) => [tf.gather(m, tf.slice(ids, 1, 3)), tf.gather(m, table), tf.gather(x, tf.slice(ids, 0, 2), 1)],
  OneHot: ({ ids, table }) => [tf.oneHot(ids, 3), tf.oneHot(table, 4, 0.9, 0.025)],
  Cumsum: ({ x }) => [tf.cumsum(x, 1), tf.cumsum(x, 2, true, true)],
  UnsortedSegmentSum: ({ n, ids }) => tf.unsortedSegmentSum(tf.slice(n, 0, 4), ids as tf.Tensor1D, 3),
  BatchMatMul: ({ x, y, m, n }) => [tf.matMul(m, n, false, true), tf.matMul(m, m, true, false), tf.matMul(x, y, false, true), tf.matMul(x, y, true, false), tf.matMul(tf.transpose(m), m, true, true)],
  Fill: ({ v }) => tf.add(v, tf.fill([4], 2.5)), ZerosLike: ({ x }) => tf.add(tf.zerosLike(x), x), OnesLike: ({ x }) => tf.add(tf.onesLike(x), x),
  Range: ({ v, ids }) => [tf.add(v, tf.range(0, 4)), tf.add(ids, tf.range(3, -1, -1, 'int32'))],
};

export function kernelProgram(name: string): Program {
  return functionOf(name, kernelBatch, (tensors) => {
    const outputs = [kernelCases[name]!(tensors as Parameters<Case>[0])].flat();
    return Object.fromEntries(outputs.map((tensor, i) => [`${name}_${i}`, tensor]));
  });
}
