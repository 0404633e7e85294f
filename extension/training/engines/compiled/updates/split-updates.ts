/**
 * Divides a step in two: what updates state element by element (AdamW, momentum, moving averages), and the rest.
 *
 * ONNX Runtime passes over memory once an operation, a dozen times a parameter, and hands new values of state out as copies. An update is
 * one pass here, in place. Nothing is computed in another order: a value is part of an update if it is as long as the state that is
 * written, each element of it comes of the elements at its place and of scalars, and nothing but updates reads it. What is as quickly
 * computed again as handed over (the gradient's square, which its norm reads too) is computed on both sides.
 */
import { elementCount } from '../../../../core/tensors';
import type { Graph, GraphInput, GraphOutput, Node, OpName, ValueId } from '../ir';
import { sameShape, valueOf } from '../ir';

/** Its name where it is switched off (`disabledPasses`). */
export const SPLIT_UPDATES = 'split-updates';

/** Exactly rounded in ONNX Runtime as in WebAssembly, so that both sides make the same bits. */
const ELEMENTWISE: ReadonlySet<OpName> = new Set(['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Abs', 'Sqrt', 'Square']);

/** Where an operand's values are when the rest of the step has run. */
export interface Source {
  readonly kind: GraphInput['kind'] | 'made';
  readonly name: string;
  readonly value: ValueId;
}

/** State that is written in one pass over memory. */
export interface Update {
  /** Elements of each array. */
  readonly length: number;
  readonly nodes: readonly Node[];
  readonly arrays: readonly Source[];
  readonly scalars: readonly Source[];
  readonly writes: readonly { readonly name: string; readonly value: ValueId }[];
}

export interface SplitStep {
  /** The step without its updates; of what they read it returns what it makes, as readings of names of their own. */
  readonly step: Graph;
  readonly updates: readonly Update[];
}

const MADE = 'made:';

/** Whether a reading is one that only updates read. */
export function isMade(name: string): boolean {
  return name.startsWith(MADE);
}

/**
 * @param leastElements of all updates together: of small state a copy costs less than a run of its own for each step
 * @returns undefined where too little is updated, or nothing would be left
 */
export function splitUpdates(graph: Graph, leastElements: number): SplitStep | undefined {
  const splitter = new Splitter(graph);
  const updates = splitter.updates();
  if (updates.reduce((sum, { length, writes }) => sum + length * writes.length, 0) < leastElements) return undefined;
  const step = splitter.rest(updates);
  return step.outputs.length === 0 ? undefined : { step, updates };
}

function grouped<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

class Splitter {
  private readonly inputs: ReadonlyMap<ValueId, GraphInput>;
  private readonly written: ReadonlyMap<ValueId, readonly GraphOutput[]>;
  private readonly makers: ReadonlyMap<ValueId, Node>;
  private readonly moved: ReadonlySet<Node>;

  constructor(private readonly graph: Graph) {
    this.inputs = new Map(graph.inputs.map((input) => [input.value, input]));
    this.written = grouped(graph.outputs.filter(({ kind }) => kind === 'state'), ({ value }) => value);
    this.makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
    this.moved = this.movedNodes();
  }

  updates(): Update[] {
    return this.components().map((nodes) => this.update(nodes));
  }

  rest(updates: readonly Update[]): Graph {
    const made = new Map(updates.flatMap(({ arrays, scalars }) => [...arrays, ...scalars]).filter(({ kind }) => kind === 'made').map((source) => [source.value, source]));
    const outputs = this.graph.outputs.filter(({ kind, value }) => kind === 'reading' || !this.isMoved(value));
    return {
      ...this.graph,
      nodes: this.graph.nodes.filter((node) => !this.moved.has(node)),
      outputs: [...outputs, ...[...made.values()].map(({ name, value }) => ({ kind: 'reading', name, value }) as const)],
    };
  }

  private movedNodes(): Set<Node> {
    const moved = new Set<Node>();
    const readers = grouped(this.graph.nodes.flatMap((node) => node.inputs.map((id) => ({ id, node }))), ({ id }) => id);
    const readings = new Set(this.graph.outputs.filter(({ kind }) => kind === 'reading').map(({ value }) => value));
    for (const node of this.graph.nodes.toReversed()) {
      const [result] = node.outputs;
      const by = readers.get(result!) ?? [];
      const isRead = by.length > 0 || this.written.has(result!);
      if (isRead && by.every(({ node: reader }) => moved.has(reader)) && !readings.has(result!) && this.isElementwise(node)) moved.add(node);
    }
    return moved;
  }

  private isElementwise({ op, inputs, outputs }: Node): boolean {
    const result = valueOf(this.graph, outputs[0]!);
    return ELEMENTWISE.has(op) && elementCount(result.shape) > 1 && inputs.every((id) => {
      const { dtype, shape, data } = valueOf(this.graph, id);
      return dtype === 'float32' && (elementCount(shape) === 1 || (sameShape(shape, result.shape) && !data));
    });
  }

  private isMoved(value: ValueId): boolean {
    const maker = this.makers.get(value);
    return maker !== undefined && this.moved.has(maker);
  }

  private isArray(value: ValueId): boolean {
    return elementCount(valueOf(this.graph, value).shape) > 1;
  }

  /** Nodes that read each other's values, or state that one of them writes: each of these is one pass. */
  private components(): Node[][] {
    const states = new Map(this.graph.inputs.filter(({ kind }) => kind === 'state').map(({ name, value }) => [name, value]));
    const parents = new Map<ValueId | Node, ValueId | Node>();
    const rootOf = (one: ValueId | Node): ValueId | Node => {
      let root = one;
      for (let parent = parents.get(root); parent !== undefined; parent = parents.get(root)) root = parent;
      return root;
    };
    const join = (a: ValueId | Node, b: ValueId | Node): void => {
      const [from, to] = [rootOf(a), rootOf(b)];
      if (from !== to) parents.set(from, to);
    };
    const writtenStates = new Set<ValueId>();
    for (const node of this.moved) {
      for (const { name } of this.written.get(node.outputs[0]!) ?? []) {
        const state = states.get(name);
        if (state === undefined) continue;
        writtenStates.add(state);
        join(node, state);
      }
    }
    for (const node of this.moved) for (const id of node.inputs) if (this.isMoved(id)) join(node, this.makers.get(id)!);
    for (const node of this.moved) for (const id of node.inputs) if (writtenStates.has(id) && this.isArray(id)) join(node, id);
    return [...grouped(this.graph.nodes.filter((node) => this.moved.has(node)), rootOf).values()];
  }

  private update(moved: readonly Node[]): Update {
    const nodes = this.withRepeated(moved);
    const own = new Set(nodes.flatMap(({ outputs }) => outputs));
    const read = [...new Set(nodes.flatMap(({ inputs }) => inputs))].filter((id) => !own.has(id) && !valueOf(this.graph, id).data);
    return {
      length: elementCount(valueOf(this.graph, nodes[0]!.outputs[0]!).shape),
      nodes,
      arrays: read.filter((id) => this.isArray(id)).map((id) => this.source(id)),
      scalars: read.filter((id) => !this.isArray(id)).map((id) => this.source(id)),
      writes: moved.flatMap(({ outputs: [value] }) => (this.written.get(value!) ?? []).map(({ name }) => ({ name, value: value! }))),
    };
  }

  /** With what makes an operand of no other arrays than are read anyway. */
  private withRepeated(moved: readonly Node[]): Node[] {
    const nodes = new Set(moved);
    const arrays = new Set(moved.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]).filter((id) => this.isArray(id)));
    for (const id of [...arrays]) {
      const maker = this.makers.get(id);
      if (!maker || nodes.has(maker) || !this.isElementwise(maker)) continue;
      if (maker.inputs.every((input) => !this.isArray(input) || (arrays.has(input) && !this.isRepeated(input, nodes)))) nodes.add(maker);
    }
    return this.graph.nodes.filter((node) => nodes.has(node));
  }

  /** Made by a node that is itself only repeated: a chain of these would read what nobody hands over. */
  private isRepeated(value: ValueId, nodes: ReadonlySet<Node>): boolean {
    const maker = this.makers.get(value);
    return maker !== undefined && nodes.has(maker) && !this.moved.has(maker);
  }

  private source(value: ValueId): Source {
    const input = this.inputs.get(value);
    return input ? { kind: input.kind, name: input.name, value } : { kind: 'made', name: `${MADE}${value}`, value };
  }
}
