/**
 * The one way passes change a graph: look at the original, add nodes and say which values replace which, then let
 * `finish` substitute, drop what nothing needs any more, and put the rest in order.
 */
import type { ConstantData, Dtype, Graph, Node, NodeOf, Operations, OpName, Value, ValueId } from '../ir';
import { sameShape, scalarOf, valueOf } from '../ir';
import { inferTypes } from '../shapes';
import type { PassResult } from './pass';

/** An operand and the constant number it meets. */
export interface WithNumber {
  readonly operand: ValueId;
  readonly number: number;
}

export class Rewriter {
  private readonly values: Map<ValueId, Value>;
  private readonly producers = new Map<ValueId, Node>();
  private readonly readers = new Map<ValueId, Node[]>();
  private readonly outputs: ReadonlySet<ValueId>;
  private readonly added: Node[] = [];
  private readonly replacements = new Map<ValueId, ValueId>();
  private nextId: number;
  private hits = 0;

  constructor(readonly graph: Graph) {
    this.values = new Map(graph.values);
    this.nextId = 1 + [...graph.values.keys()].reduce((highest, id) => Math.max(highest, id), 0);
    this.outputs = new Set(graph.outputs.map(({ value }) => value));
    for (const node of graph.nodes) {
      for (const id of node.outputs) this.producers.set(id, node);
      for (const id of new Set(node.inputs)) this.readers.set(id, [...(this.readers.get(id) ?? []), node]);
    }
  }

  value(id: ValueId): Value {
    return this.values.get(id) ?? valueOf(this.graph, id);
  }

  shape(id: ValueId): readonly number[] {
    return this.value(id).shape;
  }

  /** The node that makes a value, if it is of the given operation. */
  made<Op extends OpName>(id: ValueId, op: Op): NodeOf<Op> | undefined {
    const node = this.producers.get(id);
    return node?.op === op ? (node as NodeOf<Op>) : undefined;
  }

  users(id: ValueId): readonly Node[] {
    return this.readers.get(id) ?? [];
  }

  isOutput(id: ValueId): boolean {
    return this.outputs.has(id);
  }

  /** The only node that reads a value which is not an output; undefined otherwise. */
  soleUser(id: ValueId): Node | undefined {
    const users = this.users(id);
    return users.length === 1 && !this.isOutput(id) ? users[0] : undefined;
  }

  number(id: ValueId): number | undefined {
    return scalarOf(this.value(id));
  }

  /** For `Add` and `Mul` of a tensor and a constant number, on either side, that leaves the tensor's shape. */
  withNumber(node: Node): WithNumber | undefined {
    const result = node.outputs[0]!;
    for (const [operand, other] of [[node.inputs[0]!, node.inputs[1]!], [node.inputs[1]!, node.inputs[0]!]] as const) {
      const number = this.number(other);
      if (number !== undefined && sameShape(this.shape(operand), this.shape(result))) return { operand, number };
    }
    return undefined;
  }

  addAll<Op extends OpName>(op: Op, attrs: Operations[Op], inputs: readonly ValueId[]): ValueId[] {
    const outputs = inferTypes(op, attrs, inputs.map((id) => this.value(id))).map((type) => this.addValue(type));
    const node = { op, attrs, inputs, outputs } as Node;
    this.added.push(node);
    for (const id of outputs) this.producers.set(id, node);
    return outputs;
  }

  add<Op extends OpName>(op: Op, attrs: Operations[Op], inputs: readonly ValueId[]): ValueId {
    return this.addAll(op, attrs, inputs)[0]!;
  }

  constant(shape: readonly number[], dtype: Dtype, data: ConstantData): ValueId {
    return this.addValue({ shape, dtype, data });
  }

  scalar(number: number): ValueId {
    return this.constant([], 'float32', Float32Array.of(number));
  }

  private addValue(value: Omit<Value, 'id'>): ValueId {
    const id = this.nextId++;
    this.values.set(id, { id, ...value });
    return id;
  }

  /** Everything that reads `old` reads `replacement` instead. Counts as a hit. */
  replace(old: ValueId, replacement: ValueId): void {
    this.hits++;
    this.alias(old, replacement);
  }

  /** The same, as part of a rewrite that has been counted. */
  alias(old: ValueId, replacement: ValueId): void {
    const [before, after] = [this.value(old), this.value(replacement)];
    if (before.dtype !== after.dtype || !sameShape(before.shape, after.shape)) {
      throw new Error(`%${old} [${before.shape.join(', ')}] cannot be replaced by %${replacement} [${after.shape.join(', ')}].`);
    }
    this.replacements.set(old, replacement);
  }

  /** What stands for a value now. */
  current(id: ValueId): ValueId {
    let now = id;
    for (let next = this.replacements.get(now); next !== undefined; next = this.replacements.get(now)) now = next;
    return now;
  }

  finish(): PassResult {
    if (this.replacements.size === 0) return { graph: this.graph, hits: this.hits };
    const substituted = [...this.graph.nodes, ...this.added].map((node): Node => ({ ...node, inputs: node.inputs.map((id) => this.current(id)) }));
    const outputs = this.graph.outputs.map((output) => ({ ...output, value: this.current(output.value) }));
    const nodes = ordered(substituted, outputs.map(({ value }) => value));
    return { graph: { ...this.graph, nodes, outputs, values: this.usedValues(nodes, outputs.map(({ value }) => value)) }, hits: this.hits };
  }

  private usedValues(nodes: readonly Node[], outputs: readonly ValueId[]): Map<ValueId, Value> {
    const used = new Set([...outputs, ...this.graph.inputs.map(({ value }) => value), ...nodes.flatMap((node) => [...node.inputs, ...node.outputs])]);
    return new Map([...used].map((id) => [id, this.value(id)]));
  }
}

/** The nodes that the outputs need, each after what it reads; otherwise in the given order. */
function ordered(nodes: readonly Node[], outputs: readonly ValueId[]): Node[] {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((id): [ValueId, Node] => [id, node])));
  const live = new Set<Node>();
  const pending = [...outputs];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const node = producers.get(id);
    if (!node || live.has(node)) continue;
    live.add(node);
    pending.push(...node.inputs);
  }
  const placed = new Set<Node>();
  const result: Node[] = [];
  const place = (node: Node): void => {
    if (placed.has(node)) return;
    placed.add(node);
    for (const id of node.inputs) {
      const producer = producers.get(id);
      if (producer) place(producer);
    }
    result.push(node);
  };
  for (const node of nodes) if (live.has(node)) place(node);
  return result;
}
