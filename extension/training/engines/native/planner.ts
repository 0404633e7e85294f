/**
 * What a graph becomes on the processor: kernels in order. It is decided here which values get memory; every other value is computed where
 * it is read. In memory are: what products, reductions and other operations on whole rows make, what they must find there, what is read more
 * than once and took arithmetic, what is smaller than what is made of it, and what leaves the program. Values that are only turned, reshaped
 * or joined on their way are written where they end up.
 */
import { elementCount } from '../../../core/tensors';
import type { ConstantData, Dtype, Graph, Node, NodeOf, Operations, OpName, ValueId } from '../compiled/ir';
import { sameShape, valueOf } from '../compiled/ir';
import { broadcast, changed, contiguous, isLarge, laidOut, loadsOf, type Compute, type Expression, type Load, type View } from './expression';
import { deepProductKernels } from './deep-products';
import { gatherHalvesKernel } from './half-kernels';
import { indexKernel } from './index-kernel';
import { libraryKernel, type LibraryOp } from './index-kernels';
import type { Kernel } from './kernel';
import { layerNormKernel, mapKernel, softmaxKernel, type ReductionOp } from './loop-kernels';
import { PlannedValues } from './planned-values';
import { endingBy, productKernels, type ProductParts } from './products';
import { quantizedKernels } from './quantized-products';
import { reductionKernels } from './reductions';
import { operations } from './vector-operations';

/** Of a product: a bias, and what goes around it. */
const MOST_ENDINGS = 2;
const LAYOUT = ['Reshape', 'Transpose', 'Split', 'Slice', 'StridedSlice', 'Reverse', 'Tile'] as const;
type LayoutOp = (typeof LAYOUT)[number];
type LayoutNode = Extract<Node, { readonly op: LayoutOp }>;
const isLayout = (node: Node): node is LayoutNode => (LAYOUT as readonly OpName[]).includes(node.op);

const CHEAP: ReadonlySet<OpName> = new Set<OpName>(['Square', 'Neg', 'Abs', 'Mul', 'Add', 'Sub']);
const LIBRARY: readonly LibraryOp[] = ['Log', 'Log1p', 'Sin', 'Cos', 'Pow'];
const isLibrary = (op: OpName): op is LibraryOp => (LIBRARY as readonly OpName[]).includes(op);

export interface Plan {
  /** Run once, before the first step: what is made of constants alone. */
  readonly setup: readonly Kernel[];
  readonly kernels: readonly Kernel[];
  /** Elements of memory that no value of the graph has, by negative id. */
  readonly scratch: ReadonlyMap<ValueId, number>;
  /** Scratch memory that keeps what `setup` made. */
  readonly prepared: ReadonlySet<ValueId>;
  /** Numbers besides the graph's constants, by negative id. */
  readonly numbers: ReadonlyMap<ValueId, Int32Array>;
  /** Where what a reading shows lies side by side. */
  readonly readings: ReadonlyMap<string, ValueId>;
  /** Values that lie in the memory of a state's former value, by their own id. */
  readonly inPlace: ReadonlyMap<ValueId, ValueId>;
}

/** A state's new value, its former one, and the memory in which it is made. */
interface NewState {
  readonly value: ValueId;
  readonly state: ValueId;
  readonly from: ValueId;
}

class Planner extends PlannedValues {
  private readonly prepared = new Set<ValueId>();
  /** Nodes that were dealt with before their turn. */
  private readonly done = new Set<Node>();
  private readonly setup: Kernel[] = [];

  // Elementwise operations.

  /** How often a value's elements are read, through turns and slices. */
  private uses(id: ValueId): number {
    return (this.readers.get(id) ?? []).reduce((total, reader) => total + (isLayout(reader) ? reader.outputs.reduce((sum, made) => sum + this.uses(made), 0) : 1), 0);
  }

  /** Computed again with one read; storing it would take a write and two reads. */
  private isCheap(expression: Expression): boolean {
    if (expression.kind !== 'compute') return true;
    const large = expression.operands.filter((operand) => operand.kind !== 'number' && !(operand.kind === 'load' && operand.strides.every((stride) => stride === 0)));
    return CHEAP.has(expression.op) && large.length === 1 && this.isCheap(large[0]!);
  }

  /** An operand over the shape of a result. What has fewer elements is not computed again for each. */
  private operand(id: ValueId, shape: readonly number[]): Expression {
    const own = this.shape(id);
    if (sameShape(own, shape)) return this.expression(id);
    const expression = this.expression(id);
    return broadcast(expression.kind === 'compute' && elementCount(own) < elementCount(shape) ? this.inMemory(id) : expression, own, shape);
  }

  private computed(op: OpName, dtype: Dtype, operands: readonly Expression[], attrs: Compute['attrs'] = {}): Compute {
    return { kind: 'compute', op, dtype, attrs, operands };
  }

  private elementwise(node: Node): void {
    const [made] = node.outputs as [ValueId];
    const shape = this.shape(made);
    const whole = (): Compute => this.computed(node.op, this.dtype(made), node.inputs.map((id) => this.operand(id, shape)), node.attrs);
    let expression = whole();
    if (isLarge([expression])) {
      for (const id of node.inputs) if (this.expression(id).kind === 'compute') this.inMemory(id);
      expression = whole();
    }
    this.known.set(made, expression);
    if (this.isOutput.has(made) || (this.uses(made) > 1 && !this.isCheap(expression))) this.inMemory(made);
  }

  private library(op: LibraryOp, node: Node): void {
    const [made] = node.outputs as [ValueId];
    const shape = this.shape(made);
    const operands = node.inputs.map((id) => broadcast(this.inMemory(id), this.shape(id), shape) as Load);
    const to = this.home(made);
    this.kernels.push(libraryKernel(op, shape, operands, to));
    this.madeAt(made, to);
  }

  /** log(1 + eˣ) as max(x, 0) + log1p(e^−|x|), which does not overflow. */
  private softplus({ inputs, outputs }: Node): void {
    const [[x], [made]] = [inputs, outputs] as [[ValueId], [ValueId]];
    const shape = this.shape(made);
    const load = this.inMemory(x);
    const place = (): Load => ({ kind: 'load', dtype: 'float32', root: this.scratchFor(this.count(made)), offset: 0, strides: contiguous(shape) });
    const [power, logarithm] = [place(), place()];
    const negative = this.computed('Neg', 'float32', [this.computed('Abs', 'float32', [load])]);
    this.map('Softplus', shape, this.computed('Exp', 'float32', [negative]), power);
    this.kernels.push(libraryKernel('Log1p', shape, [power], logarithm));
    const positive = this.computed('Maximum', 'float32', [load, { kind: 'number', dtype: 'float32', number: 0 }]);
    this.known.set(made, this.computed('Add', 'float32', [positive, logarithm]));
    this.inMemory(made);
  }

  /** Of whole numbers, rounded down. */
  private wholeDivision({ inputs, outputs }: Node): void {
    const [made] = outputs as [ValueId];
    const [a, b] = inputs.map((id) => this.computed('Cast', 'float32', [this.operand(id, this.shape(made))], { dtype: 'float32' }));
    const quotient = this.computed('Floor', 'float32', [this.computed('Div', 'float32', [a!, b!])]);
    this.known.set(made, this.computed('Cast', 'int32', [quotient], { dtype: 'int32' }));
    if (this.isOutput.has(made) || this.uses(made) > 1) this.inMemory(made);
  }

  private oneHot({ inputs, outputs, attrs: { depth, on, off, dtype } }: NodeOf<'OneHot'>): void {
    const [made] = outputs as [ValueId];
    const shape = this.shape(made);
    const counting = this.constant(Int32Array.from({ length: depth }, (_, i) => i));
    const columns: Load = { kind: 'load', root: counting, dtype: 'int32', offset: 0, strides: shape.map((_, axis) => (axis === shape.length - 1 ? 1 : 0)) };
    const index = this.inMemory(inputs[0]!);
    const hit = this.computed('Equal', 'bool', [{ ...index, strides: [...index.strides, 0] }, columns]);
    const number = (value: number): Expression => ({ kind: 'number', dtype, number: value });
    this.known.set(made, this.computed('Select', dtype, [hit, number(on), number(off)]));
    if (this.isOutput.has(made) || this.uses(made) > 1) this.inMemory(made);
  }

  // Layout.

  private layout(node: LayoutNode): void {
    const [x] = node.inputs as [ValueId];
    const input = this.halves.get(x);
    if (input !== undefined && node.op === 'Reshape') {
      this.halves.set(node.outputs[0]!, input);
      return;
    }
    node.outputs.forEach((made, output) => {
      const arrange = (expression: Expression): Expression | undefined => changed(expression, (load) => laidOut(node, load, this.shape(x), this.shape(made), output));
      const arranged = arrange(this.expression(x)) ?? arrange(this.inMemory(x)) ?? this.copied(node, made);
      this.known.set(made, arranged);
      if (arranged.kind === 'compute' && this.isOutput.has(made)) this.inMemory(made);
    });
  }

  /** What is no other way to read the same memory: reshaped after turning, or repeated. */
  private copied(node: LayoutNode, made: ValueId): Load {
    const [x] = node.inputs as [ValueId];
    const from = this.inMemory(x);
    const to = { root: made, offset: 0, strides: contiguous(this.shape(made)) };
    const shape = this.shape(x);
    if (node.op === 'Tile') {
      const { reps } = node.attrs as Operations['Tile'];
      const every = <Item>(first: (axis: number) => Item, second: (axis: number) => Item): Item[] => shape.flatMap((_, axis) => [first(axis), second(axis)]);
      const repeated: Load = { ...from, strides: every(() => 0, (axis) => from.strides[axis]!) };
      const places = { ...to, strides: every((axis) => shape[axis]! * to.strides[axis]!, (axis) => to.strides[axis]!) };
      this.map('Tile', every((axis) => reps[axis]!, (axis) => shape[axis]!), repeated, places);
      return this.madeAt(made, to);
    }
    const straight: Load = { ...from, root: this.scratchFor(this.count(x)), offset: 0, strides: contiguous(shape) };
    this.map(node.op, shape, from, straight);
    const arranged = laidOut(node, straight, shape, this.shape(made), node.outputs.indexOf(made));
    if (!arranged) throw new Error(`${node.op} of [${shape.join(', ')}] is not known.`);
    return arranged;
  }

  private concat(node: NodeOf<'Concat'>): void {
    const [made] = node.outputs as [ValueId];
    node.inputs.forEach((id, part) => {
      const to = this.partOf(node, part);
      const expression = this.expression(id);
      const shape = this.shape(id);
      const isThere = expression.kind === 'load' && expression.root === to.root && expression.offset === to.offset && shape.every((size, axis) => size === 1 || expression.strides[axis] === to.strides[axis]);
      if (!isThere) this.map('Concat', shape, expression, to);
    });
    this.madeAt(made, this.home(made));
  }

  private pad({ inputs, outputs, attrs: { paddings, value } }: NodeOf<'Pad'>): void {
    const [[x], [made]] = [inputs, outputs] as [[ValueId], [ValueId]];
    const to = this.home(made);
    this.map('Pad', this.shape(made), { kind: 'number', dtype: this.dtype(made), number: value }, to);
    const offset = paddings.reduce((sum, [before], axis) => sum + before * to.strides[axis]!, to.offset);
    this.map('Pad', this.shape(x), this.expression(x), { ...to, offset });
    this.madeAt(made, to);
  }

  // Whole rows.

  private reduction({ op, inputs, outputs, attrs: { axes, keepDims } }: NodeOf<ReductionOp>): void {
    const [[x], [made]] = [inputs, outputs] as [[ValueId], [ValueId]];
    const shape = this.shape(x);
    const to = this.home(made);
    let kept = 0;
    const strides = shape.map((_, axis) => (axes.includes(axis) ? (kept += keepDims ? 1 : 0, 0) : to.strides[kept++]!));
    const scale = op === 'Mean' ? 1 / axes.reduce((product, axis) => product * shape[axis]!, 1) : 1;
    this.kernels.push(...reductionKernels({ op, dtype: this.dtype(made), expression: this.expression(x), shape, axes, to: { ...to, strides }, scale }, this.samples, (elements) => this.scratchFor(elements)));
    this.madeAt(made, to);
  }

  private layerNorm({ inputs, outputs, attrs: { eps } }: NodeOf<'LayerNorm'>): void {
    const [x, gamma, beta] = inputs as [ValueId, ValueId, ValueId | undefined];
    const shape = this.shape(x);
    const homes = outputs.map((id) => this.home(id));
    const [to, mean, inverseStd] = homes;
    const over = (id: ValueId): Expression => broadcast(this.expression(id), this.shape(id), shape);
    const statistic = (view: View): View => ({ ...view, strides: view.strides.map((stride, axis) => (axis === shape.length - 1 ? 0 : stride)) });
    this.kernels.push(layerNormKernel(shape, {
      x: this.inMemory(x), gamma: over(gamma), ...(beta !== undefined && { beta: over(beta) }), eps, to: to!,
      ...(mean && { mean: statistic(mean) }), ...(inverseStd && { inverseStd: statistic(inverseStd) }),
    }));
    outputs.forEach((id, i) => this.madeAt(id, homes[i]!));
  }

  private softmax({ inputs, outputs, attrs: { axis } }: NodeOf<'Softmax'>): void {
    const [[x], [made]] = [inputs, outputs] as [[ValueId], [ValueId]];
    const shape = this.shape(x);
    if (axis !== shape.length - 1) throw new Error('Softmax is known over the last axis only.');
    const to = this.home(made);
    this.kernels.push(softmaxKernel(shape, this.expression(x), to));
    this.madeAt(made, to);
  }

  /** Whether a value is known already, or is made element by element of what is: then it is made now. */
  private isThere(id: ValueId): boolean {
    const producer = this.producers.get(id);
    if (producer === undefined || this.known.has(id)) return true;
    if (!(isLayout(producer) || producer.op in operations) || !producer.inputs.every((input) => this.isThere(input))) return false;
    this.node(producer);
    this.done.add(producer);
    return true;
  }

  /**
   * What a product's result is added to or multiplied by before anything else is done with it: a bias, what goes around the product, the
   * derivative of an activation.
   * @returns what comes of it, and where that lies
   */
  private endingsOf(product: ValueId): { made: ValueId; to: View; endings: ProductParts['endings'] } {
    const shape = this.shape(product);
    const found: { made: ValueId; op: 'Add' | 'Mul'; by: Load }[] = [];
    for (let made = product; found.length < MOST_ENDINGS; ) {
      const readers = this.readers.get(made) ?? [];
      const [reader] = readers;
      if (readers.length !== 1 || (reader?.op !== 'Add' && reader?.op !== 'Mul') || this.isOutput.has(made) || !sameShape(this.shape(reader.outputs[0]!), shape)) break;
      const by = this.endingBy(reader.inputs.find((id) => id !== made), shape);
      if (!by) break;
      made = reader.outputs[0]!;
      found.push({ made, op: reader.op, by });
    }
    for (; found.length > 0; found.pop()) {
      const { made } = found.at(-1)!;
      const to = this.lineHome(made);
      if (!found.every(({ by }) => endingBy(by, to, shape))) continue;
      for (const { made: id } of found) this.done.add(this.producers.get(id)!);
      return { made, to, endings: found };
    }
    return { made: product, to: this.lineHome(product), endings: [] };
  }

  /** In memory before the product is computed; undefined where it is not, and is not computed beside something else. */
  private endingBy(id: ValueId | undefined, shape: readonly number[]): Load | undefined {
    if (id === undefined || !this.isThere(id)) return undefined;
    const expression = this.operand(id, shape);
    if (expression.kind !== 'compute' || !sameShape(this.shape(id), shape)) return expression.kind === 'load' ? expression : undefined;
    const to = this.home(id);
    return this.kernels.mapEarly({ name: this.producers.get(id)!.op, shape, expression, to }) ? this.madeAt(id, to) : undefined;
  }

  private product(node: NodeOf<'MatMul'>): void {
    const [a, b] = node.inputs as [ValueId, ValueId];
    const frozen = loadsOf([this.expression(b)]).every(({ root }) => root >= 0 && valueOf(this.graph, root).data !== undefined);
    const right = this.expression(b);
    const { made, to, endings } = this.endingsOf(node.outputs[0]!);
    const parts: ProductParts = {
      a: this.inMemory(a), aShape: this.shape(a), b: right.kind === 'number' ? this.inMemory(b) : right, bShape: this.shape(b), to, shape: this.shape(made), endings,
      scratch: (elements) => {
        const id = this.scratchFor(elements);
        if (frozen) this.prepared.add(id);
        return id;
      },
    };
    const k = this.shape(a).at(node.attrs.transA ? -2 : -1)!;
    const { pack, copy, products } = (frozen ? undefined : deepProductKernels(node.attrs, parts, k, this.samples)) ?? productKernels(node.attrs, parts);
    if (frozen) this.setup.push(...pack);
    for (const kernel of [...(frozen ? [] : pack), ...copy]) this.kernels.pushEarly(kernel);
    this.kernels.push(...products);
    this.madeAt(made, to);
  }

  private quantized({ inputs, outputs: [made] }: NodeOf<'QuantizedMatMul'>): void {
    const [x, weights, scales] = inputs as [ValueId, ValueId, ValueId];
    const to = this.lineHome(made!);
    const data = (id: ValueId): ConstantData => valueOf(this.graph, id).data!;
    this.kernels.push(...quantizedKernels({
      x: this.inMemory(x), shape: this.shape(x), weights: data(weights) as Int8Array, scales: data(scales) as Float32Array, to,
      scratch: (words) => this.scratchFor(words),
      constant: (numbers) => this.constant(numbers),
    }));
    this.madeAt(made!, to);
  }

  // Indices.

  /** Rows of what is given in halves, which only then become floats. */
  private gatheredHalves({ op, inputs: [x, indices], outputs: [made], attrs }: Node): boolean {
    const input = this.halves.get(x!);
    if (op !== 'Gather' || input === undefined || attrs.axis !== 0) return false;
    const to = this.home(made!);
    const kernel = gatherHalvesKernel({ shape: this.shape(made!), input, xShape: this.shape(x!), indices: this.inMemory(indices!), indicesShape: this.shape(indices!), to });
    if (!kernel) return false;
    this.kernels.push(kernel);
    this.madeAt(made!, to);
    return true;
  }

  private indexed(node: Node): boolean {
    const kernel = indexKernel(node, { shape: (id) => this.shape(id), dtype: (id) => this.dtype(id), inMemory: (id) => this.inMemory(id), home: (id) => this.home(id) });
    if (!kernel) return false;
    this.kernels.push(kernel);
    for (const id of node.outputs) this.madeAt(id, this.home(id));
    return true;
  }

  private node(node: Node): void {
    if (this.done.has(node)) return;
    if (isLayout(node)) this.layout(node);
    else if (node.op === 'Concat') this.concat(node);
    else if (node.op === 'Pad') this.pad(node);
    else if (node.op === 'MatMul') this.product(node);
    else if (node.op === 'QuantizedMatMul') this.quantized(node);
    else if (node.op === 'Softmax') this.softmax(node);
    else if (node.op === 'LayerNorm') this.layerNorm(node);
    else if (node.op === 'OneHot') this.oneHot(node);
    else if (node.op === 'Sum' || node.op === 'Mean' || node.op === 'Max' || node.op === 'Min' || node.op === 'Prod') this.reduction(node as NodeOf<ReductionOp>);
    else if (isLibrary(node.op)) this.library(node.op, node);
    else if (node.op === 'Softplus') this.softplus(node);
    else if (node.op === 'Div' && this.dtype(node.outputs[0]!) === 'int32') this.wholeDivision(node);
    else if (node.op in operations) this.elementwise(node);
    else if (!this.gatheredHalves(node) && !this.indexed(node)) throw new Error(`${node.op} is not known to the native engine.`);
  }

  // What leaves the program.

  /** The memory in which a value lies whole and side by side. */
  private lying(id: ValueId): ValueId {
    const { root, offset, strides } = this.inMemory(id);
    const shape = this.shape(id);
    const straight = contiguous(shape);
    const elements = this.scratch.get(root) ?? (root >= 0 ? this.count(root) : 0);
    if (offset === 0 && elements === this.count(id) && shape.every((size, axis) => size === 1 || strides[axis] === straight[axis])) return root;
    const own = this.scratchFor(this.count(id));
    this.map('Copy', shape, this.expression(id), { root: own, offset: 0, strides: straight });
    return own;
  }

  /** New values of state, and where they are made. */
  private newStates(): NewState[] {
    const states = new Map(this.graph.inputs.filter(({ kind }) => kind === 'state').map(({ name, value }) => [name, value]));
    const old = new Set(states.values());
    const written = this.graph.outputs.filter(({ kind }) => kind === 'state').map(({ name, value }) => ({ state: states.get(name)!, value, from: this.lying(value) })).filter(({ state, from }) => state !== from);
    // The old value of another state may be overwritten before it is copied.
    return written.map((one) => (old.has(one.from) ? { ...one, from: this.copyOf(one.from) } : one));
  }

  /** They are copied to the old ones' places, unless they can be made there. */
  private copies(states: readonly NewState[], inPlace: ReadonlyMap<ValueId, ValueId>): Kernel[] {
    return states.filter(({ from, state }) => inPlace.get(from) !== state).map(({ from, state, value }) => {
      const shape = this.shape(value);
      const strides = contiguous(shape);
      return mapKernel('Copy', shape, [{ expression: { kind: 'load', dtype: this.dtype(value), root: from, offset: 0, strides }, to: { root: state, offset: 0, strides } }], this.samples);
    });
  }

  private copyOf(id: ValueId): ValueId {
    const own = this.scratchFor(this.count(id));
    this.map('Copy', this.shape(id), this.wholeOf(id), { root: own, offset: 0, strides: contiguous(this.shape(id)) });
    return own;
  }

  /** Whether no kernel reads the state's old value after the first write of the new one, nor that one elsewhere than where it writes. */
  private canLieIn(kernels: readonly Kernel[], { from, state }: NewState): boolean {
    const first = kernels.findIndex(({ writes }) => writes.includes(from));
    if (first < 0 || this.setup.some(({ writes }) => writes.includes(from))) return false;
    const reads = (kernel: Kernel): boolean => kernel.reads.includes(state);
    return !kernels.slice(first + 1).some(reads) && (!reads(kernels[first]!) || kernels[first]!.overwrites.includes(state));
  }

  plan(): Plan {
    for (const node of this.graph.nodes) this.node(node);
    const readings = new Map(this.graph.outputs.filter(({ kind }) => kind === 'reading').map(({ name, value }) => [name, this.lying(value)]));
    // What a reading shows must not be changed before it is read.
    const states = new Set(this.graph.inputs.filter(({ kind }) => kind === 'state').map(({ value }) => value));
    for (const [name, root] of readings) if (states.has(root)) readings.set(name, this.copyOf(root));
    const newStates = this.newStates();
    const kernels = this.kernels.finish(new Set([...readings.values(), ...newStates.map(({ from }) => from)]));
    const inPlace = new Map<ValueId, ValueId>();
    for (const one of newStates) if (!inPlace.has(one.from) && this.canLieIn(kernels, one)) inPlace.set(one.from, one.state);
    kernels.push(...this.copies(newStates, inPlace));
    const { setup, scratch, prepared, numbers } = this;
    return { setup, kernels, scratch, prepared, numbers, readings, inPlace };
  }
}

/**
 * @param halves inputs that are given in halves
 * @throws Error for an operation that has no kernel
 */
export function planOf(graph: Graph, halves: ReadonlySet<ValueId>): Plan {
  return new Planner(graph, halves).plan();
}

