/**
 * A fused projection whose result is taken apart becomes separate projections.
 *
 *   Split(Transpose(Reshape(x·Wᵀ + b)), axis 0)  ⇒  Transpose(Reshape(x·W_iᵀ + b_i))
 *
 * where W_i are the rows of W, and b_i the entries of b, that make part i: queries, keys and values of attention.
 * Cutting the small weights instead of the large activations saves a copy of the latter; frozen weights are cut once.
 */
import type { NodeOf, ValueId } from '../ir';
import type { Pass } from './pass';
import { Rewriter } from './rewriter';

interface Found {
  readonly x: ValueId;
  readonly weight: ValueId;
  readonly bias: ValueId;
  readonly product: NodeOf<'MatMul'>;
  /** The reshaped result: axes of x's rows, then the parts, then the axes of one part. */
  readonly shape: readonly number[];
  readonly partAxis: number;
  readonly perm: readonly number[];
}

function rowsOf(shape: readonly number[], axes: number): number {
  return shape.slice(0, axes).reduce((product, size) => product * size, 1);
}

function find(rewriter: Rewriter, split: NodeOf<'Split'>): Found | undefined {
  if (split.attrs.axis !== 0 || split.attrs.sizes.some((size) => size !== 1)) return undefined;
  const transpose = rewriter.made(split.inputs[0]!, 'Transpose');
  const reshape = transpose && rewriter.made(transpose.inputs[0]!, 'Reshape');
  const sum = reshape && rewriter.made(reshape.inputs[0]!, 'Add');
  const product = sum && rewriter.made(sum.inputs[0]!, 'MatMul');
  if (!transpose || !reshape || !sum || !product) return undefined;
  const chain = [transpose, reshape, sum, product].map((node) => node.outputs[0]!);
  if (chain.some((id) => !rewriter.soleUser(id))) return undefined;
  const [x, weight] = product.inputs as [ValueId, ValueId];
  const bias = sum.inputs[1]!;
  const plain = product.attrs.transB && !product.attrs.transA && rewriter.shape(x).length === 2 && rewriter.shape(weight).length === 2;
  const { perm } = transpose.attrs;
  const partAxis = perm[0]!;
  const { shape } = reshape.attrs;
  // The parts must lie in the columns of the product, as their slowest axis, and every part must keep its rows' axes.
  if (!plain || rewriter.shape(bias).length !== 1 || rowsOf(shape, partAxis) !== rewriter.shape(x)[0]) return undefined;
  return { x, weight, bias, product, shape, partAxis, perm };
}

function rewrite(rewriter: Rewriter, split: NodeOf<'Split'>, { x, weight, bias, product, shape, partAxis, perm }: Found): void {
  const parts = split.outputs.length;
  const width = rewriter.shape(weight)[0]! / parts;
  const sizes = new Array<number>(parts).fill(width);
  const weights = rewriter.addAll('Split', { axis: 0, sizes }, [weight]);
  const biases = rewriter.addAll('Split', { axis: 0, sizes }, [bias]);
  const partShape = shape.map((size, axis) => (axis === partAxis ? 1 : size));
  split.outputs.forEach((part, i) => {
    const projected = rewriter.add('Add', {}, [rewriter.add('MatMul', product.attrs, [x, weights[i]!]), biases[i]!]);
    rewriter.replace(part, rewriter.add('Transpose', { perm }, [rewriter.add('Reshape', { shape: partShape }, [projected])]));
  });
}

export const splitProjection: Pass = {
  name: 'split-projection',
  run(graph) {
    const rewriter = new Rewriter(graph);
    for (const node of graph.nodes) {
      const found = node.op === 'Split' ? find(rewriter, node) : undefined;
      if (found) rewrite(rewriter, node as NodeOf<'Split'>, found);
    }
    return rewriter.finish();
  },
};
