/**
 * Numbers that multiply the result or an operand of a matrix product go into the product, which scales for free.
 *
 *   c·(A·B) = (c·A)·B = A·(c·B) = MatMul(A, B, alpha = c)
 */
import type { NodeOf, ValueId } from '../ir';
import type { Pass } from './pass';
import { Rewriter } from './rewriter';

/** The product with its scaled operands replaced by what was scaled; a hit where there is one. */
function unscaledOperands(rewriter: Rewriter, product: NodeOf<'MatMul'>): { inputs: ValueId[]; factor: number } {
  let factor = 1;
  const inputs = product.inputs.map((id) => {
    const scaled = rewriter.soleUser(id) === product ? rewriter.made(id, 'Mul') : undefined;
    const met = scaled && rewriter.withNumber(scaled);
    if (!met) return id;
    factor *= met.number;
    return met.operand;
  });
  return { inputs, factor };
}

/** The multiplication by a number that follows the product, if nothing else reads the product. */
function followingScale(rewriter: Rewriter, product: NodeOf<'MatMul'>): { result: ValueId; factor: number } | undefined {
  const user = rewriter.soleUser(product.outputs[0]!);
  const met = user?.op === 'Mul' ? rewriter.withNumber(user) : undefined;
  return user && met ? { result: user.outputs[0]!, factor: met.number } : undefined;
}

export const foldScale: Pass = {
  name: 'fold-scale',
  run(graph) {
    const rewriter = new Rewriter(graph);
    for (const node of graph.nodes) {
      if (node.op !== 'MatMul') continue;
      const { inputs, factor } = unscaledOperands(rewriter, node);
      const scale = followingScale(rewriter, node);
      if (!scale && inputs.every((id, i) => id === node.inputs[i])) continue;
      const current = inputs.map((id) => rewriter.current(id));
      const scaled = rewriter.add('MatMul', { ...node.attrs, alpha: node.attrs.alpha * factor * (scale?.factor ?? 1) }, current);
      rewriter.replace(scale?.result ?? node.outputs[0]!, scaled);
    }
    return rewriter.finish();
  },
};
