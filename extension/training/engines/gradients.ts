/**
 * Derivatives of TensorFlow.js kernels. The core package has the tape but registers no gradients (they come with the
 * larger `@tensorflow/tfjs`), so the kernels that training uses get theirs here. Importing this file registers them.
 *
 * Each maps `dy`, the derivative of the loss by the kernel's output, to derivatives by its inputs, in their shapes.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedAttrMap, Tensor } from '@tensorflow/tfjs-core';

/** Sums out the axes along which an operand of shape `shape` was broadcast. */
function unbroadcast(gradient: Tensor, shape: readonly number[]): Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape.slice(), gradient.shape);
  return tf.reshape(axes.length > 0 ? tf.sum(gradient, axes) : gradient, shape.slice());
}

function zeros(like: Tensor): Tensor {
  return tf.zeros(like.shape, 'float32');
}

function asFloat(x: Tensor): Tensor {
  return tf.cast(x, 'float32');
}

/** y = f(x), with the derivative written in x. */
function unary(kernelName: string, derivative: (dy: Tensor, x: Tensor, attrs: NamedAttrMap) => Tensor, input = 'x'): void {
  tf.registerGradient({
    kernelName,
    inputsToSave: [input],
    gradFunc: (dy, saved, attrs) => ({ [input]: () => derivative(dy as Tensor, saved[0]!, attrs) }),
  });
}

/** y = f(x), with the derivative written in y. */
function unaryByOutput(kernelName: string, derivative: (dy: Tensor, y: Tensor, attrs: NamedAttrMap) => Tensor, input = 'x'): void {
  tf.registerGradient({
    kernelName,
    outputsToSave: [true],
    gradFunc: (dy, saved, attrs) => ({ [input]: () => derivative(dy as Tensor, saved[0]!, attrs) }),
  });
}

/** y = f(a, b) elementwise with broadcasting. */
function binary(kernelName: string, byA: (dy: Tensor, a: Tensor, b: Tensor) => Tensor, byB: (dy: Tensor, a: Tensor, b: Tensor) => Tensor): void {
  tf.registerGradient({
    kernelName,
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved) => {
      const [a, b] = saved as [Tensor, Tensor];
      return {
        a: () => unbroadcast(byA(dy as Tensor, a, b), a.shape),
        b: () => unbroadcast(byB(dy as Tensor, a, b), b.shape),
      };
    },
  });
}

function registerElementwise(): void {
  unary(tf.Identity, (dy) => dy);
  unary(tf.Cast, asFloat);
  unary(tf.Neg, (dy) => tf.neg(dy));
  unary(tf.Abs, (dy, x) => tf.mul(dy, tf.sign(x)));
  unary(tf.Square, (dy, x) => tf.mul(dy, tf.mul(x, 2)));
  unary(tf.Log, (dy, x) => tf.div(dy, x));
  unary(tf.Log1p, (dy, x) => tf.div(dy, tf.add(x, 1)));
  unary(tf.Erf, (dy, x) => tf.mul(dy, tf.mul(tf.exp(tf.neg(tf.square(x))), 2 / Math.sqrt(Math.PI))));
  unary(tf.Relu, (dy, x) => tf.mul(dy, tf.step(x)));
  unary(tf.Sin, (dy, x) => tf.mul(dy, tf.cos(x)));
  unary(tf.Cos, (dy, x) => tf.neg(tf.mul(dy, tf.sin(x))));
  unary(tf.Softplus, (dy, x) => tf.mul(dy, tf.sigmoid(x)));
  unary(tf.ClipByValue, (dy, x, { clipValueMin, clipValueMax }) => {
    const inside = tf.logicalAnd(tf.greaterEqual(x, clipValueMin as number), tf.lessEqual(x, clipValueMax as number));
    return tf.mul(dy, asFloat(inside));
  });
  for (const flat of [tf.Step, tf.Sign, tf.Floor, tf.Ceil, tf.Round, tf.ZerosLike, tf.OnesLike]) unary(flat, zeros);
  unary(tf.OneHot, (_dy, indices) => zeros(indices), 'indices');

  unaryByOutput(tf.Exp, (dy, y) => tf.mul(dy, y));
  unaryByOutput(tf.Sqrt, (dy, y) => tf.div(dy, tf.mul(y, 2)));
  unaryByOutput(tf.Rsqrt, (dy, y) => tf.mul(dy, tf.mul(tf.mul(y, tf.square(y)), -0.5)));
  unaryByOutput(tf.Reciprocal, (dy, y) => tf.neg(tf.mul(dy, tf.square(y))));
  unaryByOutput(tf.Sigmoid, (dy, y) => tf.mul(dy, tf.mul(y, tf.sub(1, y))));
  unaryByOutput(tf.Tanh, (dy, y) => tf.mul(dy, tf.sub(1, tf.square(y))));

  binary(tf.Add, (dy) => dy, (dy) => dy);
  binary(tf.Sub, (dy) => dy, (dy) => tf.neg(dy));
  binary(tf.Multiply, (dy, _a, b) => tf.mul(dy, asFloat(b)), (dy, a) => tf.mul(dy, asFloat(a)));
  binary(tf.RealDiv, (dy, _a, b) => tf.div(dy, asFloat(b)), (dy, a, b) => tf.neg(tf.div(tf.mul(dy, asFloat(a)), tf.square(asFloat(b)))));
  binary(tf.SquaredDifference, (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(a, b), 2)), (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(b, a), 2)));
  binary(tf.Maximum, (dy, a, b) => tf.mul(dy, asFloat(tf.greaterEqual(a, b))), (dy, a, b) => tf.mul(dy, asFloat(tf.less(a, b))));
  binary(tf.Minimum, (dy, a, b) => tf.mul(dy, asFloat(tf.lessEqual(a, b))), (dy, a, b) => tf.mul(dy, asFloat(tf.greater(a, b))));
  binary(
    tf.Pow,
    (dy, a, b) => tf.mul(dy, tf.mul(b, tf.pow(a, tf.sub(b, 1)))),
    (dy, a, b) => tf.mul(dy, tf.mul(tf.pow(a, b), tf.where(tf.greater(a, 0), tf.log(a), zeros(a)))),
  );
  tf.registerGradient({
    kernelName: tf.Select,
    inputsToSave: ['condition'],
    gradFunc: (dy, [condition]) => ({
      condition: () => zeros(condition!),
      t: () => tf.mul(dy as Tensor, asFloat(condition!)),
      e: () => tf.mul(dy as Tensor, asFloat(tf.logicalNot(condition!))),
    }),
  });
}

/** The shape of a reduction's result with the reduced axes kept as 1. */
function keptShape(x: Tensor, axis: unknown): number[] {
  const axes = tf.util.parseAxisParam(axis as number | number[], x.shape);
  return x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
}

function registerReductions(): void {
  unary(tf.Sum, (dy, x, { axis }) => tf.broadcastTo(tf.reshape(dy, keptShape(x, axis)), x.shape));
  unary(tf.Mean, (dy, x, { axis }) => {
    const kept = keptShape(x, axis);
    const count = x.size / tf.util.sizeFromShape(kept);
    return tf.broadcastTo(tf.mul(tf.reshape(dy, kept), 1 / count), x.shape);
  });
  for (const kernelName of [tf.Max, tf.Min]) {
    tf.registerGradient({
      kernelName,
      inputsToSave: ['x'],
      outputsToSave: [true],
      gradFunc: (dy, saved, { reductionIndices, axis }) => {
        const [x, y] = saved as [Tensor, Tensor];
        const kept = keptShape(x, reductionIndices ?? axis);
        return { x: () => tf.mul(tf.reshape(dy as Tensor, kept), asFloat(tf.equal(x, tf.reshape(y, kept)))) };
      },
    });
  }
  unary(tf.ArgMax, (_dy, x) => zeros(x));
  unary(tf.ArgMin, (_dy, x) => zeros(x));
  unaryByOutput(
    tf.Softmax,
    (dy, y, { dim }) => {
      const weighted = tf.mul(dy, y);
      return tf.sub(weighted, tf.mul(tf.sum(weighted, dim as number, true), y));
    },
    'logits',
  );
}

function inversePermutation(perm: readonly number[]): number[] {
  const inverse: number[] = [];
  perm.forEach((from, to) => (inverse[from] = to));
  return inverse;
}

function registerLayout(): void {
  unary(tf.Reshape, (dy, x) => tf.reshape(dy, x.shape));
  unary(tf.ExpandDims, (dy, input) => tf.reshape(dy, input.shape), 'input');
  tf.registerGradient({
    kernelName: tf.Transpose,
    gradFunc: (dy, _saved, { perm }) => ({ x: () => tf.transpose(dy as Tensor, inversePermutation(perm as number[])) }),
  });
  tf.registerGradient({
    kernelName: tf.Concat,
    saveAllInputs: true,
    gradFunc: (dy, inputs, { axis }) => {
      const along = tf.util.parseAxisParam(axis as number, inputs[0]!.shape)[0]!;
      const parts = tf.split(dy as Tensor, inputs.map((x) => x.shape[along]!), along);
      return parts.map((part) => () => part) as unknown as ReturnType<tf.GradFunc>;
    },
  });
  tf.registerGradient({
    kernelName: tf.Pack,
    saveAllInputs: true,
    gradFunc: (dy, _inputs, { axis }) => tf.unstack(dy as Tensor, axis as number).map((part) => () => part) as unknown as ReturnType<tf.GradFunc>,
  });
  tf.registerGradient({ kernelName: tf.Unpack, gradFunc: (dy, _saved, { axis }) => ({ value: () => tf.stack(dy as Tensor[], axis as number) }) });
  tf.registerGradient({ kernelName: tf.SplitV, gradFunc: (dy, _saved, { axis }) => ({ x: () => tf.concat(dy as Tensor[], axis as number) }) });
  unary(tf.Slice, (dy, x, { begin, size }) => {
    const [from, length] = tf.slice_util.parseSliceParams(x, begin as number[], size as number[]);
    return tf.pad(dy, from!.map((start, i): [number, number] => [start, x.shape[i]! - start - length![i]!]));
  });
  unary(tf.PadV2, (dy, x, { paddings }) => tf.slice(dy, (paddings as [number, number][]).map(([before]) => before), x.shape));
  unary(tf.Tile, (dy, x, { reps }) => {
    // [r0·d0, r1·d1, …] seen as [r0, d0, r1, d1, …], summed over the repetitions.
    const repeats = reps as number[];
    const folded = tf.reshape(dy, x.shape.flatMap((size, i) => [repeats[i]!, size]));
    return tf.reshape(tf.sum(folded, repeats.map((_, i) => 2 * i)), x.shape);
  });
  unary(tf.Reverse, (dy, _x, { dims }) => tf.reverse(dy, dims as number[]));
  tf.registerGradient({
    kernelName: tf.GatherV2,
    inputsToSave: ['x', 'indices'],
    gradFunc: (dy, saved, { axis, batchDims }) => {
      const [x, indices] = saved as [Tensor, tf.Tensor1D];
      if (axis !== 0 || batchDims !== 0) throw new Error('The gradient of tf.gather is known along the first axis only.');
      const rows = tf.reshape(dy as Tensor, [indices.size, ...x.shape.slice(1)]);
      return { x: () => tf.unsortedSegmentSum(rows, tf.reshape(indices, [indices.size]), x.shape[0]!), indices: () => zeros(indices) };
    },
  });
}

/** C = op(A)·op(B), batched without broadcasting. */
function registerMatMul(): void {
  tf.registerGradient({
    kernelName: tf.BatchMatMul,
    inputsToSave: ['a', 'b'],
    gradFunc: (gradient, saved, { transposeA, transposeB }) => {
      const dy = gradient as Tensor;
      const [a, b] = saved as [Tensor, Tensor];
      return {
        a: () => (transposeA ? tf.matMul(b, dy, Boolean(transposeB), true) : tf.matMul(dy, b, false, !transposeB)),
        b: () => (transposeB ? tf.matMul(dy, a, true, Boolean(transposeA)) : tf.matMul(a, dy, !transposeA, false)),
      };
    },
  });
}

registerElementwise();
registerReductions();
registerLayout();
registerMatMul();
