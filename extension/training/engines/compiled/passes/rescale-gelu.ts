/**
 * GELU with its gradient, between two linear layers, in a variable that needs fewer passes over the activations.
 *
 * As written, with Φ the normal distribution and φ its density:
 *   y = x·Φ(x),  Φ(x) = ½·(1 + erf(x/√2)),  dx = dy·(Φ(x) + x·φ(x))
 * With u = x/√2 and P = 1 + erf(u):
 *   y = (u·P)·√½,   dx = dy·(P + u·exp(c − u²))·½,   c = ln(2/√π)
 * The factors √½ (into u, out of y) and ½ (out of dx) go into the matrix products around, which scale for free, and
 * into the small bias and its gradient: nine passes over the activations instead of twelve.
 */
import type { Graph, Node, NodeOf, OpName, ValueId } from '../ir';
import type { Pass } from './pass';
import { Rewriter } from './rewriter';

const ROOT_HALF = Math.SQRT1_2;
const LOG_SLOPE_OF_ERF = Math.log(2 / Math.sqrt(Math.PI));

interface Found {
  /** x = product + bias, read by this GELU alone. */
  readonly product: NodeOf<'MatMul'>;
  readonly bias: ValueId;
  readonly y: ValueId;
  readonly dy: ValueId;
  readonly dx: ValueId;
  /** Products that read y, and products and sums that read dx. */
  readonly readers: readonly Node[];
  readonly sums: readonly NodeOf<'Sum'>[];
}

function near(number: number, expected: number): boolean {
  return Math.abs(number - expected) <= 1e-6 * Math.abs(expected);
}

function exactly(nodes: readonly Node[], expected: readonly (Node | undefined)[]): boolean {
  return nodes.length === expected.length && expected.every((node) => node !== undefined && nodes.includes(node));
}

class GeluRewriter {
  private readonly rewriter: Rewriter;
  /** Factors that products around GELUs take on. */
  private readonly factors = new Map<NodeOf<'MatMul'>, number>();

  constructor(private readonly graph: Graph) {
    this.rewriter = new Rewriter(graph);
  }

  run(): ReturnType<Pass['run']> {
    for (const node of this.graph.nodes) {
      const found = node.op === 'Erf' ? this.find(node) : undefined;
      if (found) this.rewrite(found);
    }
    for (const [product, factor] of this.factors) {
      this.rewriter.alias(product.outputs[0]!, this.rewriter.add('MatMul', { ...product.attrs, alpha: product.attrs.alpha * factor }, product.inputs));
    }
    return this.rewriter.finish();
  }

  /** The operand of `number · operand` or `number + operand`. */
  private operandWith(node: Node | undefined, op: 'Add' | 'Mul', number: number): ValueId | undefined {
    const met = node?.op === op ? this.rewriter.withNumber(node) : undefined;
    return met && near(met.number, number) ? met.operand : undefined;
  }

  /** The only reader of a value, if it combines it with this number. */
  private then(id: ValueId | undefined, op: 'Add' | 'Mul', number: number): ValueId | undefined {
    const user = id === undefined ? undefined : this.rewriter.soleUser(id);
    return user && this.operandWith(user, op, number) === id ? user.outputs[0] : undefined;
  }

  private soleUserOf<Op extends OpName>(id: ValueId | undefined, op: Op): NodeOf<Op> | undefined {
    const user = id === undefined ? undefined : this.rewriter.soleUser(id);
    return user?.op === op ? (user as NodeOf<Op>) : undefined;
  }

  private find(erf: NodeOf<'Erf'>): Found | undefined {
    const { rewriter } = this;
    const scaled = rewriter.made(erf.inputs[0]!, 'Mul');
    const x = this.operandWith(scaled, 'Mul', ROOT_HALF);
    const cdf = this.then(this.then(erf.outputs[0]!, 'Add', 1), 'Mul', 0.5);
    if (x === undefined || cdf === undefined || rewriter.isOutput(x) || rewriter.isOutput(cdf) || rewriter.soleUser(scaled!.outputs[0]!) !== erf) return undefined;

    const users = rewriter.users(x);
    const value = users.find((node) => node.op === 'Mul' && node.inputs.includes(cdf));
    const square = users.find((node) => node.op === 'Square');
    const density = this.then(this.soleUserOf(this.then(square?.outputs[0], 'Mul', -0.5), 'Exp')?.outputs[0], 'Mul', 1 / Math.sqrt(2 * Math.PI));
    const weighted = this.soleUserOf(density, 'Mul');
    const slope = this.soleUserOf(weighted?.outputs[0], 'Add');
    const gradient = this.soleUserOf(slope?.outputs[0], 'Mul');
    if (!value || !weighted || !slope || !gradient) return undefined;
    if (!exactly(users, [scaled, value, square, weighted]) || !exactly(rewriter.users(cdf), [value, slope])) return undefined;
    const dy = gradient.inputs.find((id) => id !== slope.outputs[0]);
    return dy === undefined ? undefined : this.between(x, value.outputs[0]!, dy, gradient.outputs[0]!);
  }

  /** Checks that what is around can take the factors on. */
  private between(x: ValueId, y: ValueId, dy: ValueId, dx: ValueId): Found | undefined {
    const { rewriter } = this;
    const sum = rewriter.made(x, 'Add');
    const product = sum && rewriter.made(sum.inputs[0]!, 'MatMul');
    const bias = sum?.inputs[1];
    if (!product || bias === undefined || rewriter.soleUser(product.outputs[0]!) !== sum || rewriter.shape(bias).length !== 1) return undefined;
    if (rewriter.isOutput(y) || rewriter.isOutput(dx)) return undefined;
    const [valueReaders, slopeReaders] = [rewriter.users(y), rewriter.users(dx)];
    const isOnce = (node: Node, id: ValueId): boolean => node.inputs.filter((input) => input === id).length === 1;
    const products = [...valueReaders.map((node) => ({ node, id: y })), ...slopeReaders.filter(({ op }) => op !== 'Sum').map((node) => ({ node, id: dx }))];
    if (!products.every(({ node, id }) => node.op === 'MatMul' && isOnce(node, id))) return undefined;
    const sums = slopeReaders.filter((node): node is NodeOf<'Sum'> => node.op === 'Sum');
    return { product, bias, y, dy, dx, readers: products.map(({ node }) => node), sums };
  }

  private scale(product: NodeOf<'MatMul'>, factor: number): void {
    this.factors.set(product, (this.factors.get(product) ?? 1) * factor);
  }

  private rewrite({ product, bias, y, dy, dx, readers, sums }: Found): void {
    const { rewriter } = this;
    this.scale(product, ROOT_HALF);
    const u = rewriter.add('Add', {}, [product.outputs[0]!, rewriter.add('Mul', {}, [bias, rewriter.scalar(ROOT_HALF)])]);
    const p = rewriter.add('Add', {}, [rewriter.add('Erf', {}, [u]), rewriter.scalar(1)]);
    const exponent = rewriter.add('Sub', {}, [rewriter.scalar(LOG_SLOPE_OF_ERF), rewriter.add('Mul', {}, [u, u])]);
    const slope = rewriter.add('Add', {}, [p, rewriter.add('Mul', {}, [u, rewriter.add('Exp', {}, [exponent])])]);
    const doubled = rewriter.add('Mul', {}, [dy, slope]);
    for (const reader of readers) this.scale(reader as NodeOf<'MatMul'>, reader.inputs.includes(y) ? ROOT_HALF : 0.5);
    for (const sum of sums) {
      const halved = rewriter.add('Mul', {}, [rewriter.add('Sum', sum.attrs, [doubled]), rewriter.scalar(0.5)]);
      rewriter.alias(sum.outputs[0]!, halved);
    }
    rewriter.alias(y, rewriter.add('Mul', {}, [u, p]));
    rewriter.replace(dx, doubled);
  }
}

export const rescaleGelu: Pass = { name: 'rescale-gelu', run: (graph) => new GeluRewriter(graph).run() };
