/**
 * What a graph becomes on a GPU: kernels in order. It is decided here which values get memory; every other value is computed where it
 * is read. In memory are: what a product, a reduction or another whole-row operation makes, what they must find in memory, what is
 * read more than once and took arithmetic, what leaves the program, and what would make one kernel read from too many buffers.
 */
import type { Graph, Node, NodeOf, ValueId } from '../compiled/ir';
import { scalarOf, valueOf } from '../compiled/ir';
import { emitters, layoutOps, type Producers } from './body';
import { argExtremeKernel, cumSumKernel, segmentSumKernel, topKKernel } from './index-kernels';
import type { Kernel } from './kernel';
import { concatKernels, mapKernel, sizeOf } from './map-kernel';
import { matMulKernels, type Products } from './matmul-kernel';
import { reduceKernels } from './reduce-kernel';
import { layerNormKernel, softmaxKernel } from './row-kernels';

/** Buffers that a kernel may read: WebGPU promises eight, of which one is written (three by LayerNorm). */
const MOST_READS = 5;
/** Values this small are computed again rather than stored: what is derived of the learning rate, say. */
const FEW_ELEMENTS = 4;

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

class Planner {
  private readonly producers = new Map<ValueId, Node>();
  private readonly readers = new Map<ValueId, Node[]>();
  private readonly inMemory = new Set<ValueId>();
  private readonly scratch = new Map<ValueId, number>();

  constructor(
    private readonly graph: Graph,
    private readonly products: Products,
  ) {
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

  private decide(): void {
    for (const { value } of this.graph.inputs) this.inMemory.add(value);
    for (const [id, value] of this.graph.values) if (value.data && scalarOf(value) === undefined) this.inMemory.add(id);
    for (const { value } of this.graph.outputs) this.keep(value);
    for (const node of this.graph.nodes) {
      if (needsMemory.has(node.op)) node.inputs.forEach((id) => this.keep(id));
      if (!elementwise(node)) node.outputs.forEach((id) => this.keep(id));
      else if (!layoutOps.has(node.op)) for (const id of node.outputs) if (sizeOf(valueOf(this.graph, id).shape) > FEW_ELEMENTS && this.uses(id) > 1) this.keep(id);
    }
    this.limitReads();
  }

  private limitReads(): void {
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
        if (union().size <= MOST_READS) break;
        if (!valueOf(this.graph, id).data) this.keep(id);
      }
      for (const id of node.outputs) leaves.set(id, union());
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
        return matMulKernels(source, node, [this.root(node.inputs[0]!), this.root(node.inputs[1]!)], scratch, this.products);
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
      default:
        return node.outputs.filter((id) => this.inMemory.has(id)).map((id) => mapKernel(source, id));
    }
  }

  plan(): Plan {
    this.decide();
    const source: Producers = { graph: this.graph, producers: this.producers, inMemory: this.inMemory };
    const kernels = this.graph.nodes.flatMap((node) => (node.op === 'Reshape' ? [] : this.kernelsOf(node, source)));
    return { kernels, scratch: this.scratch, root: this.root };
  }
}

export function planOf(graph: Graph, products: Products = 'float32'): Plan {
  return new Planner(graph, products).plan();
}
