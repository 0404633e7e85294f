/** Builds a graph node by node, as the tracer meets the kernels. */
import type { ConstantData, Dtype, Graph, GraphInput, GraphOutput, Node, Operations, OpName, Value } from './ir';
import { allocate } from './ir';
import { inferTypes } from './shapes';

export class Recorder {
  private readonly values = new Map<number, Value>();
  private readonly nodes: Node[] = [];
  private readonly inputs: GraphInput[] = [];

  constructor(private readonly name: string) {}

  get valueCount(): number {
    return this.values.size;
  }

  private add(value: Omit<Value, 'id'>): Value {
    const added = { id: this.values.size, ...value };
    this.values.set(added.id, added);
    return added;
  }

  input(kind: GraphInput['kind'], name: string, shape: readonly number[], dtype: Dtype): Value {
    const value = this.add({ name, shape, dtype });
    this.inputs.push({ kind, name, value: value.id });
    return value;
  }

  constant(shape: readonly number[], dtype: Dtype, data: ConstantData, name?: string): Value {
    return this.add({ shape, dtype, data, ...(name === undefined ? {} : { name }) });
  }

  filled(shape: readonly number[], dtype: Dtype, number: number): Value {
    return this.constant(shape, dtype, allocate(dtype, shape.reduce((count, size) => count * size, 1)).fill(number));
  }

  /** Appends a node; all its results. */
  applyAll<Op extends OpName>(op: Op, attrs: Operations[Op], inputs: readonly Value[]): Value[] {
    const outputs = inferTypes(op, attrs, inputs).map((type) => this.add(type));
    this.nodes.push({ op, attrs, inputs: inputs.map(({ id }) => id), outputs: outputs.map(({ id }) => id) } as Node);
    return outputs;
  }

  /** Appends a node; its first result. */
  apply<Op extends OpName>(op: Op, attrs: Operations[Op], inputs: readonly Value[]): Value {
    return this.applyAll(op, attrs, inputs)[0]!;
  }

  finish(outputs: readonly GraphOutput[]): Graph {
    return { name: this.name, values: this.values, nodes: this.nodes, inputs: this.inputs, outputs };
  }
}
