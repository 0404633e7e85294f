/**
 * What a graph becomes on a GPU: kernels in order. It is decided here which values get memory; every other value is computed where it
 * is read. In memory are: what a product, a reduction or another whole-row operation makes, what they must find in memory, what is
 * read more than once and took arithmetic, what leaves the program, and what would make one kernel read from too many buffers.
 */
import { elementCount } from '../../../core/tensors';
import type { Graph, Node, NodeOf, ValueId } from '../compiled/ir';
import { sameShape, scalarOf, valueOf } from '../compiled/ir';
import { emitters, layoutOps, type Producers } from './body';
import { argExtremeKernel, cumSumKernel, segmentSumKernel, topKKernel } from './index-kernels';
import type { Kernel } from './kernel';
import { concatKernels, mapKernel } from './map-kernel';
import { matMulKernels, onUnits, type Products } from './matmul-kernel';
import { reduceKernels } from './reduce-kernel';
import { layerNormKernel, softmaxKernel } from './row-kernels';

/** Buffers that kernels write at most. */
const MOST_WRITES = 3;
/** Values this small are computed again rather than stored: what is derived of the learning rate, say. */
const FEW_ELEMENTS = 4;

export interface PlanOptions {
  readonly products: Products;
  /** That a kernel may be bound to. */
  readonly mostBuffers: number;
}

/** WebGPU promises eight buffers. */
const DEFAULTS: PlanOptions = { products: 'float32', mostBuffers: 8 };

export interface Plan {
  readonly kernels: readonly Kernel[];
  /** Bytes of scratch memory, by negative id. */
  readonly scratch: ReadonlyMap<ValueId, number>;
  /** The value whose memory an output's elements are in. */
  root(id: ValueId): ValueId;
}

const elementwise = (node: Node): boolean => node.op in emitters;

/** These read their operand again and again. */
const needsMemory: ReadonlySet<Node['op']> = new Set(['MatMul', 'TopK', 'ArgMax', 'ArgMin', 'CumSum', 'SegmentSum']);

const cheapOps: ReadonlySet<Node['op']> = new Set(['Square', 'Neg', 'Abs', 'Mul', 'Add', 'Sub']);

class Planner {
  private readonly producers = new Map<ValueId, Node>();
  private readonly readers = new Map<ValueId, Node[]>();
  private readonly inMemory = new Set<ValueId>();
  private readonly scratch = new Map<ValueId, number>();
  private readonly isOutput: ReadonlySet<ValueId>;
  /** Products by the value that is written instead of them. */
  private readonly finishes = new Map<ValueId, NodeOf<'MatMul'>>();
  /** Values that a kernel stores beside its own, and all of them. */
  private readonly beside = new Map<ValueId, readonly ValueId[]>();
  private readonly stored = new Set<ValueId>();

  constructor(
    private readonly graph: Graph,
    private readonly options: PlanOptions,
  ) {
    this.isOutput = new Set(graph.outputs.map(({ value }) => value));
    for (const node of graph.nodes) {
      for (const id of node.outputs) this.producers.set(id, node);
      for (const id of node.inputs) this.readers.set(id, [...(this.readers.get(id) ?? []), node]);
    }
  }

  root = (id: ValueId): ValueId => {
    const node = this.producers.get(id);
    return node?.op === 'Reshape' ? this.root(node.inputs[0]!) : id;
  };

  private keep(id: ValueId): void {
    this.inMemory.add(this.root(id));
  }

  /** How often the value's elements are read, through turns and slices. */
  private uses(id: ValueId): number {
    return (this.readers.get(id) ?? []).reduce((total, reader) => total + (layoutOps.has(reader.op) ? reader.outputs.reduce((sum, made) => sum + this.uses(made), 0) : 1), 0);
  }

  private isFew(id: ValueId): boolean {
    return elementCount(valueOf(this.graph, id).shape) <= FEW_ELEMENTS;
  }

  /** Computed again with one read of what is in memory, perhaps by way of another cheap one; storing it would take a write and two reads. */
  private isCheap(node: Node): boolean {
    const large = node.inputs.filter((id) => !this.isFew(id));
    if (!cheapOps.has(node.op) || large.length !== 1) return false;
    const from = this.root(large[0]!);
    const producer = this.producers.get(from);
    return this.inMemory.has(from) || (producer !== undefined && this.isCheap(producer));
  }

  private decide(): void {
    for (const { value } of this.graph.inputs) this.inMemory.add(value);
    for (const [id, value] of this.graph.values) if (value.data && scalarOf(value) === undefined) this.inMemory.add(id);
    for (const { value } of this.graph.outputs) this.keep(value);
    for (const node of this.graph.nodes) {
      if (needsMemory.has(node.op)) node.inputs.forEach((id) => this.keep(id));
      if (!elementwise(node)) node.outputs.forEach((id) => this.keep(id));
      else if (!layoutOps.has(node.op) && !this.isCheap(node)) for (const id of node.outputs) if (!this.isFew(id) && this.uses(id) > 1) this.keep(id);
    }
    this.limitReads();
  }

  private limitReads(): void {
    const mostReads = this.options.mostBuffers - MOST_WRITES;
    const leaves = new Map<ValueId, ReadonlySet<ValueId>>();
    const leavesOf = (id: ValueId): ReadonlySet<ValueId> => {
      const value = valueOf(this.graph, id);
      if (this.inMemory.has(this.root(id))) return new Set([this.root(id)]);
      return leaves.get(id) ?? new Set(value.data || !this.producers.has(id) ? [] : [id]);
    };
    for (const node of this.graph.nodes) {
      if (node.op === 'Concat') continue;
      const union = (): Set<ValueId> => new Set(node.inputs.flatMap((id) => [...leavesOf(id)]));
      const widest = node.inputs.toSorted((a, b) => leavesOf(b).size - leavesOf(a).size);
      for (const id of widest) {
        if (union().size <= mostReads) break;
        if (!valueOf(this.graph, id).data) this.keep(id);
      }
      for (const id of node.outputs) leaves.set(id, union());
    }
  }

  /**
   * The one value with memory that is made of this one element by element, at the same places: into its kernel goes what makes this one.
   */
  private heir(id: ValueId): ValueId | undefined {
    const readers = this.readers.get(id) ?? [];
    const [reader] = readers;
    if (readers.length !== 1 || !reader || !elementwise(reader) || reader.inputs.filter((input) => input === id).length !== 1) return undefined;
    const [made] = reader.outputs as [ValueId];
    const reshaped = reader.op === 'Reshape';
    if (!reshaped && (layoutOps.has(reader.op) || !sameShape(valueOf(this.graph, made).shape, valueOf(this.graph, id).shape))) return undefined;
    if (reader.op === 'Gather' || reader.op === 'Pad' || reader.op === 'OneHot') return undefined;
    if (reshaped) return this.isOutput.has(made) ? undefined : this.heir(made);
    return this.inMemory.has(made) ? made : this.heir(made);
  }

  /** What a kernel reads that computes `made` and, in place, these others. */
  private readsOf(made: ValueId, computed: ReadonlySet<ValueId>): Set<ValueId> {
    const reads = new Set<ValueId>();
    const visit = (id: ValueId): void => {
      const node = this.producers.get(id);
      if (this.inMemory.has(id) && !computed.has(id)) reads.add(id);
      else if (node && node.op !== 'MatMul') node.inputs.forEach(visit);
    };
    this.producers.get(made)!.inputs.forEach(visit);
    return reads;
  }

  /** Products whose result is not stored but handed to what follows. */
  private finishProducts(source: Producers): void {
    for (const node of this.graph.nodes) {
      if (node.op !== 'MatMul') continue;
      const [product] = node.outputs as [ValueId];
      if (this.isOutput.has(product) || onUnits(source, node, this.options.products)) continue;
      const made = this.heir(product);
      if (made === undefined || this.finishes.has(made)) continue;
      // The product's operands and what is written are bound too.
      if (this.readsOf(made, new Set([product])).size + 3 > this.options.mostBuffers) continue;
      this.inMemory.delete(product);
      this.finishes.set(made, node);
    }
  }

  /** Outputs of the program that are read once, on the way to another value of the same places: moments, on the way to parameters. */
  private storeBeside(): void {
    for (const id of this.isOutput) {
      const node = this.producers.get(id);
      if (!node || !elementwise(node) || layoutOps.has(node.op) || this.finishes.has(id) || this.beside.has(id)) continue;
      const made = this.heir(id);
      if (made === undefined || this.finishes.has(made) || this.stored.has(made)) continue;
      const beside = [...(this.beside.get(made) ?? []), id];
      const buffers = this.readsOf(made, new Set(beside)).size + beside.length + 1;
      if (beside.length >= MOST_WRITES || buffers > this.options.mostBuffers) continue;
      this.beside.set(made, beside);
      this.stored.add(id);
    }
  }

  private kernelsOf(node: Node, source: Producers): Kernel[] {
    const scratch = (count: number): ValueId => {
      const id = -1 - this.scratch.size;
      this.scratch.set(id, 4 * count);
      return id;
    };
    switch (node.op) {
      case 'MatMul':
        return this.inMemory.has(node.outputs[0]!) ? this.product(source, node, scratch) : [];
      case 'Sum':
      case 'Mean':
      case 'Max':
      case 'Min':
      case 'Prod':
        return reduceKernels(source, node as NodeOf<'Sum'>, scratch);
      case 'Softmax':
        return [softmaxKernel(source, node)];
      case 'LayerNorm':
        return [layerNormKernel(source, node)];
      case 'ArgMax':
      case 'ArgMin':
        return [argExtremeKernel(source, node as NodeOf<'ArgMax'>)];
      case 'TopK':
        return [topKKernel(source, node)];
      case 'CumSum':
        return [cumSumKernel(source, node)];
      case 'SegmentSum':
        return [segmentSumKernel(source, node)];
      case 'Concat':
        return concatKernels(source, node);
      case 'QuantizedMatMul':
        throw new Error('Products in int8 are not known on WebGPU.');
      case 'Attention':
        throw new Error('Attention in one operation is made for the CPU only.');
      default:
        return node.outputs.filter((id) => this.inMemory.has(id) && !this.stored.has(id)).flatMap((id) => {
          const product = this.finishes.get(id);
          return product ? this.product(source, product, scratch, id) : [mapKernel(source, id, this.beside.get(id))];
        });
    }
  }

  private product(source: Producers, node: NodeOf<'MatMul'>, scratch: (count: number) => ValueId, made?: ValueId): Kernel[] {
    const operands = [this.root(node.inputs[0]!), this.root(node.inputs[1]!)] as const;
    const { products } = this.options;
    return matMulKernels(source, node, operands, { products, scratch, ...(made !== undefined && { epilogue: { source, product: node.outputs[0]!, made } }) });
  }

  plan(): Plan {
    this.decide();
    const source: Producers = { graph: this.graph, producers: this.producers, inMemory: this.inMemory };
    this.finishProducts(source);
    this.storeBeside();
    const kernels = this.graph.nodes.flatMap((node) => (node.op === 'Reshape' ? [] : this.kernelsOf(node, source)));
    return { kernels, scratch: this.scratch, root: this.root };
  }
}

export function planOf(graph: Graph, options: Partial<PlanOptions> = {}): Plan {
  return new Planner(graph, { ...DEFAULTS, ...options }).plan();
}
