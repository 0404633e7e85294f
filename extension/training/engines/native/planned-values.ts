/** What is known of a graph's values while its kernels are planned: what computes them, and where in memory they lie or will. */
import { elementCount } from '../../../core/tensors';
import type { Dtype, Graph, Node, NodeOf, ValueId } from '../compiled/ir';
import { scalarOf, valueOf } from '../compiled/ir';
import { contiguous, reshaped, type Expression, type Load, type View } from './expression';
import { widenKernel } from './half-kernels';
import { KernelList } from './kernel-list';
import { samplesOf } from './schedule';

export class PlannedValues {
  protected readonly producers = new Map<ValueId, Node>();
  protected readonly readers = new Map<ValueId, Node[]>();
  protected readonly isOutput: ReadonlySet<ValueId>;
  protected readonly known = new Map<ValueId, Expression>();
  private readonly homes = new Map<ValueId, View>();
  /** Inputs that are given in halves, and what has their elements in the same order: by the input. */
  protected readonly halves = new Map<ValueId, ValueId>();
  private readonly widened = new Map<ValueId, ValueId>();
  protected readonly scratch = new Map<ValueId, number>();
  protected readonly numbers = new Map<ValueId, Int32Array>();
  protected readonly kernels: KernelList;
  protected readonly samples: number;

  constructor(
    protected readonly graph: Graph,
    halves: ReadonlySet<ValueId>,
  ) {
    for (const id of halves) this.halves.set(id, id);
    this.samples = samplesOf(graph);
    this.kernels = new KernelList(this.samples);
    this.isOutput = new Set(graph.outputs.map(({ value }) => value));
    for (const node of graph.nodes) {
      for (const id of node.outputs) this.producers.set(id, node);
      for (const id of node.inputs) this.readers.set(id, [...(this.readers.get(id) ?? []), node]);
    }
  }

  protected shape(id: ValueId): readonly number[] {
    return valueOf(this.graph, id).shape;
  }

  protected dtype(id: ValueId): Dtype {
    return valueOf(this.graph, id).dtype;
  }

  protected count(id: ValueId): number {
    return elementCount(this.shape(id));
  }

  protected scratchFor(elements: number): ValueId {
    const id = -1 - this.scratch.size - this.numbers.size;
    this.scratch.set(id, elements);
    return id;
  }

  protected constant(numbers: Int32Array): ValueId {
    const id = -1 - this.scratch.size - this.numbers.size;
    this.numbers.set(id, numbers);
    return id;
  }

  /** What a value is, over its shape. */
  protected expression(id: ValueId): Expression {
    const known = this.known.get(id);
    if (known) return known;
    const value = valueOf(this.graph, id);
    const number = scalarOf(value);
    const made: Expression = number === undefined || value.dtype === 'int8' ? this.wholeOf(id) : { kind: 'number', dtype: value.dtype, number };
    this.known.set(id, made);
    return made;
  }

  protected wholeOf(id: ValueId): Load {
    return { kind: 'load', root: this.floatsOf(id), dtype: this.dtype(id), offset: 0, strides: contiguous(this.shape(id)) };
  }

  /** Where a value's elements are floats: not where it was given in halves. */
  private floatsOf(id: ValueId): ValueId {
    const input = this.halves.get(id);
    if (input === undefined) return id;
    const known = this.widened.get(input) ?? this.scratchFor(this.count(input));
    if (!this.widened.has(input)) this.kernels.push(widenKernel(this.count(input), input, known));
    this.widened.set(input, known);
    return known;
  }

  /** A value's elements in memory; they are computed now, if they were not yet. */
  protected inMemory(id: ValueId): Load {
    const expression = this.expression(id);
    if (expression.kind === 'load') return expression;
    const to = this.home(id);
    this.map(this.producers.get(id)?.op ?? 'Fill', this.shape(id), expression, to);
    return this.madeAt(id, to);
  }

  protected madeAt(id: ValueId, { root, offset, strides }: View): Load {
    const load: Load = { kind: 'load', root, offset, strides, dtype: this.dtype(id) };
    this.known.set(id, load);
    return load;
  }

  protected map(name: string, shape: readonly number[], expression: Expression, to: View): void {
    this.kernels.map({ name, shape, expression, to });
  }

  /**
   * Where a kernel writes a value. If its only reader turns, reshapes or joins it, that is where it lies after it.
   */
  protected home(id: ValueId): View {
    const known = this.homes.get(id);
    if (known) return known;
    const made = this.homeByReader(id) ?? { root: id, offset: 0, strides: contiguous(this.shape(id)) };
    this.homes.set(id, made);
    return made;
  }

  /** For products, whose columns lie side by side. */
  protected lineHome(id: ValueId): View {
    const wanted = this.home(id);
    return wanted.strides.at(-1) === 1 || this.shape(id).at(-1) === 1 ? wanted : { root: id, offset: 0, strides: contiguous(this.shape(id)) };
  }

  private homeByReader(id: ValueId): View | undefined {
    const readers = this.readers.get(id) ?? [];
    const [reader] = readers;
    if (readers.length !== 1 || !reader || this.isOutput.has(id)) return undefined;
    const [made] = reader.outputs as [ValueId];
    if (reader.op === 'Transpose') {
      const { root, offset, strides } = this.home(made);
      const own: number[] = [];
      reader.attrs.perm.forEach((axis, to) => (own[axis] = strides[to]!));
      return { root, offset, strides: own };
    }
    if (reader.op === 'Reshape') {
      const { root, offset, strides } = this.home(made);
      const own = reshaped(strides, this.shape(made), this.shape(id));
      return own && { root, offset, strides: own };
    }
    if (reader.op === 'Concat' && reader.inputs.filter((input) => input === id).length === 1) return this.partOf(reader, reader.inputs.indexOf(id));
    return undefined;
  }

  protected partOf({ inputs, outputs: [made], attrs: { axis } }: NodeOf<'Concat'>, part: number): View {
    const { root, offset, strides } = this.home(made!);
    const begin = inputs.slice(0, part).reduce((sum, input) => sum + this.shape(input)[axis]!, 0);
    return { root, offset: offset + begin * strides[axis]!, strides };
  }
}
