/**
 * Removes what computes nothing: layout changes that change nothing, multiplying by one and adding zero, the same
 * node twice, the same small constant twice.
 *
 *   Reshape(Reshape(x)) = Reshape(x);  Transpose(Transpose(x, p), q) = Transpose(x, p∘q);
 *   x·1 = x;  x + 0 = x;  a node with the operation, attributes and operands of an earlier one is that one.
 */
import type { Graph, Node, Value, ValueId } from '../ir';
import { sameShape } from '../ir';
import type { Pass } from './pass';
import { Rewriter } from './rewriter';

/** Larger constants are compared by identity only. */
const comparedElements = 64;

function constantKey({ data, dtype, shape, name }: Value): string | undefined {
  if (!data || name !== undefined || data.length > comparedElements) return undefined;
  return `${dtype}[${shape.join()}]=${data.join()}`;
}

function isIdentityOrder(perm: readonly number[]): boolean {
  return perm.every((axis, i) => axis === i);
}

class Simplifier {
  private readonly rewriter: Rewriter;
  private readonly constants = new Map<string, ValueId>();
  private readonly seen = new Map<string, readonly ValueId[]>();

  constructor(private readonly graph: Graph) {
    this.rewriter = new Rewriter(graph);
  }

  run(): ReturnType<Pass['run']> {
    for (const value of this.graph.values.values()) this.shareConstant(value);
    for (const node of this.graph.nodes) this.visit(node);
    return this.rewriter.finish();
  }

  private shareConstant(value: Value): void {
    const key = constantKey(value);
    if (key === undefined) return;
    const first = this.constants.get(key);
    if (first === undefined) this.constants.set(key, value.id);
    else this.rewriter.alias(value.id, first);
  }

  private visit(node: Node): void {
    const inputs = node.inputs.map((id) => this.rewriter.current(id));
    const result = node.outputs[0]!;
    const simpler = this.simpler(node, inputs);
    if (simpler !== undefined) {
      if (simpler !== result) this.rewriter.replace(result, simpler);
      return;
    }
    const key = `${node.op}(${inputs.join()})${JSON.stringify(node.attrs)}`;
    const earlier = this.seen.get(key);
    if (earlier) node.outputs.forEach((id, i) => this.rewriter.replace(id, earlier[i]!));
    else this.seen.set(key, node.outputs);
  }

  private simpler(node: Node, inputs: readonly ValueId[]): ValueId | undefined {
    const { rewriter } = this;
    const x = inputs[0]!;
    switch (node.op) {
      case 'Reshape': {
        if (sameShape(rewriter.shape(x), node.attrs.shape)) return x;
        const inner = rewriter.made(x, 'Reshape');
        if (!inner) return undefined;
        const source = rewriter.current(inner.inputs[0]!);
        return sameShape(rewriter.shape(source), node.attrs.shape) ? source : rewriter.add('Reshape', node.attrs, [source]);
      }
      case 'Transpose': {
        if (isIdentityOrder(node.attrs.perm)) return x;
        const inner = rewriter.made(x, 'Transpose');
        if (!inner) return undefined;
        const source = rewriter.current(inner.inputs[0]!);
        const perm = node.attrs.perm.map((axis) => inner.attrs.perm[axis]!);
        return isIdentityOrder(perm) ? source : rewriter.add('Transpose', { perm }, [source]);
      }
      case 'Mul':
      case 'Add': {
        const neutral = node.op === 'Mul' ? 1 : 0;
        const met = rewriter.withNumber({ ...node, inputs });
        return met?.number === neutral ? met.operand : undefined;
      }
      default:
        return undefined;
    }
  }
}

export const simplify: Pass = { name: 'simplify', run: (graph) => new Simplifier(graph).run() };
