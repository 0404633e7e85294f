/** What each operation of the graph is in ONNX: one entry an operation. */
import type { Device } from './device';
import type { Dtype, Graph, Node, NodeOf, Operations, OpName, Value, ValueId } from './ir';
import { allocate, valueOf } from './ir';
import type { OnnxAttribute, OnnxType } from './onnx-writer';
import { OnnxGraph, onnxTypes } from './onnx-writer';

/** An ONNX graph being filled, and the names of the values in it. */
export class Lowering {
  readonly onnx: OnnxGraph;
  private readonly names = new Map<ValueId, string>();
  private readonly shared = new Set<string>();
  private temporaries = 0;

  constructor(
    readonly graph: Graph,
    readonly device: Device = 'cpu',
  ) {
    this.onnx = new OnnxGraph(graph.name);
  }

  value(id: ValueId): Value {
    return valueOf(this.graph, id);
  }

  /** Decides the name of a value before it is used. */
  bind(id: ValueId, name: string): void {
    this.names.set(id, name);
  }

  /** A value's name; constants are written out the first time they are used. */
  name(id: ValueId): string {
    const known = this.names.get(id);
    if (known !== undefined) return known;
    const value = this.value(id);
    const name = value.data ? `constant_${id}` : `v${id}`;
    if (value.data) this.onnx.initializer(name, value.dtype, value.shape, value.data);
    this.names.set(id, name);
    return name;
  }

  temporary(): string {
    return `t${this.temporaries++}`;
  }

  emit(op: string, inputs: readonly string[], outputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}, domain = ''): void {
    this.onnx.node(op, inputs, outputs, attributes, domain);
  }

  /** Emits a node with one result and returns the result's name. */
  derive(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    const result = this.temporary();
    this.emit(op, inputs, [result], attributes);
    return result;
  }

  private sharedConstant(name: string, dtype: OnnxType, shape: readonly number[], data: () => ArrayBufferView): string {
    if (!this.shared.has(name)) {
      this.shared.add(name);
      this.onnx.initializer(name, dtype, shape, data());
    }
    return name;
  }

  int64s(numbers: readonly number[]): string {
    return this.sharedConstant(`int64_${numbers.join('_')}`, 'int64', [numbers.length], () => BigInt64Array.from(numbers.map(BigInt)));
  }

  scalar(number: number, dtype: Dtype): string {
    return this.sharedConstant(`${dtype}_${number}`, dtype, [], () => allocate(dtype, 1).fill(number));
  }

  lower(node: Node): void {
    const rule = lowerings[node.op] as Lower<OpName>;
    rule(this, node as NodeOf<OpName>, node.inputs.map((id) => this.name(id)), node.outputs.map((id) => this.name(id)));
  }
}

type Lower<Op extends OpName> = (to: Lowering, node: NodeOf<Op>, inputs: string[], outputs: string[]) => void;
const LARGEST_FLOAT32 = 2 ** 128 - 2 ** 104;

type OpWithoutAttributes = { [Op in OpName]: Record<never, never> extends Operations[Op] ? Op : never }[OpName];

/** The same operation under ONNX's name. */
function as(onnxOp: string): Lower<OpWithoutAttributes> {
  return (to, _node, inputs, outputs) => to.emit(onnxOp, inputs, outputs);
}

function reduce(onnxOp: string): Lower<'Sum' | 'Mean' | 'Max' | 'Min' | 'Prod'> {
  return (to, { attrs }, [x], outputs) => to.emit(onnxOp, [x!, to.int64s(attrs.axes)], outputs, { keepdims: Number(attrs.keepDims) });
}

/** One float32 accumulator over a million terms loses digits; the last axis first, then the rest, does not. */
const sum: Lower<'Sum'> = (to, node, [x], outputs) => {
  const { axes, keepDims } = node.attrs;
  const rank = to.value(node.inputs[0]!).shape.length;
  if (axes.length < rank || rank < 2) return reduce('ReduceSum')(to, node, [x!], outputs);
  const rows = to.derive('ReduceSum', [x!, to.int64s([rank - 1])], { keepdims: 1 });
  to.emit('ReduceSum', [rows, to.int64s(axes)], outputs, { keepdims: Number(keepDims) });
};

function extremeIndex(onnxOp: string): Lower<'ArgMax' | 'ArgMin'> {
  return (to, { attrs }, inputs, outputs) => {
    const wide = to.derive(onnxOp, inputs, { axis: attrs.axis, keepdims: 0 });
    to.emit('Cast', [wide], outputs, { to: onnxTypes.int32 });
  };
}

const topK: Lower<'TopK'> = (to, { attrs }, [x], [values, indices]) => {
  const wide = to.temporary();
  to.emit('TopK', [x!, to.int64s([attrs.k])], [values!, wide], { axis: -1, largest: 1, sorted: 1 });
  to.emit('Cast', [wide], [indices!], { to: onnxTypes.int32 });
};

const oneHot: Lower<'OneHot'> = (to, { inputs, attrs }, [indices], outputs) => {
  const column = to.derive('Reshape', [indices!, to.int64s([...to.value(inputs[0]!).shape, 1])]);
  const classes = `classes_${attrs.depth}_of_${outputs[0]}`;
  to.onnx.initializer(classes, 'int32', [attrs.depth], Int32Array.from({ length: attrs.depth }, (_, i) => i));
  const hit = to.derive('Equal', [column, classes]);
  to.emit('Where', [hit, to.scalar(attrs.on, attrs.dtype), to.scalar(attrs.off, attrs.dtype)], outputs);
};

/** Adds rows into zeros, in their order, so that the result is the same every time. */
const segmentSum: Lower<'SegmentSum'> = (to, { inputs, outputs: made }, [rows, segments], outputs) => {
  const { shape, dtype } = to.value(made[0]!);
  const zeros = to.derive('Expand', [to.scalar(0, dtype), to.int64s(shape)]);
  const column = to.derive('Reshape', [segments!, to.int64s([to.value(inputs[1]!).shape[0]!, ...shape.slice(1).map(() => 1)])]);
  const indices = to.derive('Expand', [column, to.int64s(to.value(inputs[0]!).shape)]);
  const wide = to.derive('Cast', [indices], { to: onnxTypes.int64 });
  to.emit('ScatterElements', [zeros, wide, rows!], outputs, { axis: 0, reduction: 'add' });
};

const strided: Lower<'StridedSlice'> = (to, { attrs }, [x], outputs) => {
  // A negative stride ends before index 0, which ONNX writes as a very small number.
  const ends = attrs.end.map((end, i) => (attrs.strides[i]! < 0 && end < 0 ? -(2 ** 31) : end));
  to.emit('Slice', [x!, to.int64s(attrs.begin), to.int64s(ends), to.int64s(attrs.begin.map((_, i) => i)), to.int64s(attrs.strides)], outputs);
};

const reverse: Lower<'Reverse'> = (to, { attrs }, [x], outputs) => {
  const each = (number: number): string => to.int64s(attrs.axes.map(() => number));
  to.emit('Slice', [x!, each(-1), each(-(2 ** 31)), to.int64s(attrs.axes), each(-1)], outputs);
};

const matMul: Lower<'MatMul'> = (to, { inputs, attrs }, names, outputs) => {
  const { transA, transB, alpha } = attrs;
  const flat = inputs.every((id) => to.value(id).shape.length === 2);
  const flags = { transA: Number(transA), transB: Number(transB), alpha: { float: alpha } };
  if (to.device === 'webgpu') {
    // WebGPU has no FusedMatMul; the pass `turn-operands` has turned what was to be turned.
    if (alpha === 1) return to.emit('MatMul', names, outputs);
    return to.emit('Mul', [to.derive('MatMul', names), to.scalar(alpha, 'float32')], outputs);
  }
  if (flat) return to.emit('Gemm', names, outputs, flags);
  to.emit('FusedMatMul', names, outputs, flags, 'com.microsoft');
};

const attention: Lower<'Attention'> = (to, { inputs, outputs: made, attrs: { batch, heads, scale } }, [x, weight, bias], outputs) => {
  const [rows, width] = to.value(inputs[0]!).shape as [number, number];
  const images = to.derive('Reshape', [x!, to.int64s([batch, rows / batch, width])]);
  const attended = to.temporary();
  to.emit('Attention', [images, weight!, bias!], [attended], { num_heads: heads, scale: { float: scale } }, 'com.microsoft');
  to.emit('Reshape', [attended, to.int64s(to.value(made[0]!).shape)], outputs);
};

export const lowerings: { readonly [Op in OpName]: Lower<Op> } = {
  Neg: as('Neg'), Abs: as('Abs'), Exp: as('Exp'), Log: as('Log'), Erf: as('Erf'), Sqrt: as('Sqrt'),
  Reciprocal: as('Reciprocal'), Sigmoid: as('Sigmoid'), Tanh: as('Tanh'), Relu: as('Relu'), Softplus: as('Softplus'),
  Sign: as('Sign'), Sin: as('Sin'), Cos: as('Cos'), Floor: as('Floor'), Ceil: as('Ceil'), Round: as('Round'),
  LogicalNot: as('Not'),
  IsFinite: (to, _node, inputs, outputs) => to.emit('LessOrEqual', [to.derive('Abs', inputs), to.scalar(LARGEST_FLOAT32, 'float32')], outputs),
  Log1p: (to, _node, [x], outputs) => to.emit('Log', [to.derive('Add', [x!, to.scalar(1, 'float32')])], outputs),
  Rsqrt: (to, _node, inputs, outputs) => to.emit('Reciprocal', [to.derive('Sqrt', inputs)], outputs),
  Square: (to, _node, [x], outputs) => to.emit('Mul', [x!, x!], outputs),
  Step: (to, { attrs }, [x], outputs) => {
    const positive = to.derive('Greater', [x!, to.scalar(0, 'float32')]);
    to.emit('Where', [positive, to.scalar(1, 'float32'), to.scalar(attrs.alpha, 'float32')], outputs);
  },
  Clip: (to, { inputs, attrs }, [x], outputs) => {
    const { dtype } = to.value(inputs[0]!);
    to.emit('Clip', [x!, to.scalar(attrs.min, dtype), to.scalar(attrs.max, dtype)], outputs);
  },
  Cast: (to, { attrs }, inputs, outputs) => to.emit('Cast', inputs, outputs, { to: onnxTypes[attrs.dtype] }),
  Add: as('Add'), Sub: as('Sub'), Mul: as('Mul'), Div: as('Div'), Pow: as('Pow'), Maximum: as('Max'), Minimum: as('Min'),
  SquaredDifference: (to, _node, inputs, outputs) => {
    const difference = to.derive('Sub', inputs);
    to.emit('Mul', [difference, difference], outputs);
  },
  Equal: as('Equal'), Greater: as('Greater'), GreaterEqual: as('GreaterOrEqual'), Less: as('Less'), LessEqual: as('LessOrEqual'),
  NotEqual: (to, _node, inputs, outputs) => to.emit('Not', [to.derive('Equal', inputs)], outputs),
  LogicalAnd: as('And'), LogicalOr: as('Or'), Select: as('Where'),
  Sum: sum, Mean: reduce('ReduceMean'), Max: reduce('ReduceMax'), Min: reduce('ReduceMin'), Prod: reduce('ReduceProd'),
  ArgMax: extremeIndex('ArgMax'), ArgMin: extremeIndex('ArgMin'),
  Softmax: (to, { attrs }, inputs, outputs) => to.emit('Softmax', inputs, outputs, { axis: attrs.axis }),
  TopK: topK,
  Reshape: (to, { attrs }, [x], outputs) => to.emit('Reshape', [x!, to.int64s(attrs.shape)], outputs),
  Transpose: (to, { attrs }, inputs, outputs) => to.emit('Transpose', inputs, outputs, { perm: attrs.perm }),
  Concat: (to, { attrs }, inputs, outputs) => to.emit('Concat', inputs, outputs, { axis: attrs.axis }),
  Split: (to, { attrs }, [x], outputs) => to.emit('Split', [x!, to.int64s(attrs.sizes)], outputs, { axis: attrs.axis }),
  Slice: (to, { attrs }, [x], outputs) => {
    const ends = attrs.begin.map((from, i) => from + attrs.size[i]!);
    to.emit('Slice', [x!, to.int64s(attrs.begin), to.int64s(ends), to.int64s(attrs.begin.map((_, i) => i))], outputs);
  },
  StridedSlice: strided,
  Pad: (to, { inputs, attrs }, [x], outputs) => {
    const amounts = [...attrs.paddings.map(([before]) => before), ...attrs.paddings.map(([, after]) => after)];
    to.emit('Pad', [x!, to.int64s(amounts), to.scalar(attrs.value, to.value(inputs[0]!).dtype)], outputs);
  },
  Tile: (to, { inputs, outputs: made, attrs }, [x], outputs) => {
    const { shape } = to.value(inputs[0]!);
    const broadcasts = shape.every((size, axis) => size === 1 || attrs.reps[axis] === 1);
    if (broadcasts) to.emit('Expand', [x!, to.int64s(to.value(made[0]!).shape)], outputs);
    else to.emit('Tile', [x!, to.int64s(attrs.reps)], outputs);
  },
  Reverse: reverse,
  Gather: (to, { attrs }, inputs, outputs) => to.emit('Gather', inputs, outputs, { axis: attrs.axis }),
  OneHot: oneHot, SegmentSum: segmentSum,
  CumSum: (to, { attrs }, [x], outputs) => to.emit('CumSum', [x!, to.scalar(attrs.axis, 'int32')], outputs, { exclusive: Number(attrs.exclusive), reverse: Number(attrs.reverse) }),
  MatMul: matMul,
  LayerNorm: (to, { attrs }, inputs, outputs) => to.emit('LayerNormalization', inputs, outputs, { axis: -1, epsilon: { float: attrs.eps } }),
  Attention: attention,
  QuantizedMatMul: (to, _node, inputs, outputs) => to.emit('DynamicQuantizeMatMul', inputs, outputs, {}, 'com.microsoft'),
};
