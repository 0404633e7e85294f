/**
 * Self-attention of frozen weights becomes one operation, whose products read and write the heads where they lie: no split, no turns.
 *
 *   [q; k; v] = x·Wᵀ + b by heads;  softmax(s·q·kᵀ)·v, heads side by side  ⇒  Attention(x, Wᵀ, b)
 *
 * Only where nothing else reads what is between, so not where there is a gradient.
 */
import type { Node, NodeOf, OpName, ValueId } from '../ir';
import { sameShape } from '../ir';
import type { Pass } from './pass';
import { Rewriter } from './rewriter';
import { turnedConstant } from './turn-operands';

interface Projected {
  readonly x: ValueId;
  readonly weight: ValueId;
  readonly bias: ValueId;
  /** [B, T, 3, H, d] */
  readonly shape: readonly number[];
}

/** [B, T, 3, H, d] → [3, B, H, T, d] */
const BY_HEADS = [2, 0, 3, 1, 4];
/** [B, H, T, d] → [B, T, H, d] */
const SIDE_BY_SIDE = [0, 2, 1, 3];

/** The node that makes a value which only one node reads. */
function between<Op extends OpName>(rewriter: Rewriter, id: ValueId, op: Op): NodeOf<Op> | undefined {
  return rewriter.soleUser(id) === undefined ? undefined : rewriter.made(id, op);
}

/** The only reader of a value, if it is of the given operation. */
function following<Op extends OpName>(rewriter: Rewriter, id: ValueId, op: Op): NodeOf<Op> | undefined {
  const user = rewriter.soleUser(id);
  return user?.op === op ? (user as NodeOf<Op>) : undefined;
}

/** Queries, keys and values, in this order, of one product with a frozen weight. */
function projectionOf(rewriter: Rewriter, operands: readonly ValueId[]): Projected | undefined {
  const parts = operands.map((id) => between(rewriter, id, 'Reshape')?.inputs[0]);
  const split = parts[0] === undefined ? undefined : rewriter.made(parts[0], 'Split');
  if (!split || split.attrs.axis !== 0 || !sameShape(split.outputs, parts as ValueId[]) || !parts.every((id) => rewriter.soleUser(id!))) return undefined;
  const turned = between(rewriter, split.inputs[0]!, 'Transpose');
  const shaped = turned && sameShape(turned.attrs.perm, BY_HEADS) ? between(rewriter, turned.inputs[0]!, 'Reshape') : undefined;
  const biased = shaped && between(rewriter, shaped.inputs[0]!, 'Add');
  const product = biased && between(rewriter, biased.inputs[0]!, 'MatMul');
  if (!product) return undefined;
  const [x, weight] = product.inputs as [ValueId, ValueId];
  const { transA, transB, alpha } = product.attrs;
  const isFrozen = rewriter.value(weight).data instanceof Float32Array;
  return isFrozen && !transA && transB && alpha === 1 && rewriter.shape(biased.inputs[1]!).length === 1 ? { x, weight, bias: biased.inputs[1]!, shape: shaped.attrs.shape } : undefined;
}

function fuse(rewriter: Rewriter, softmax: Node): void {
  const scores = between(rewriter, softmax.inputs[0]!, 'MatMul');
  const mixed = following(rewriter, softmax.outputs[0]!, 'MatMul');
  if (!scores || !mixed || scores.attrs.transA || !scores.attrs.transB || mixed.inputs[0] !== softmax.outputs[0] || mixed.attrs.transA || mixed.attrs.transB || mixed.attrs.alpha !== 1) return;
  const projected = projectionOf(rewriter, [...scores.inputs, mixed.inputs[1]!]);
  const turned = following(rewriter, mixed.outputs[0]!, 'Transpose');
  const result = turned && sameShape(turned.attrs.perm, SIDE_BY_SIDE) ? following(rewriter, turned.outputs[0]!, 'Reshape')?.outputs[0] : undefined;
  if (!projected || result === undefined) return;
  const { x, weight, bias, shape: [batch, tokens, , heads, width] } = projected;
  if (rewriter.shape(x).length !== 2 || !sameShape(rewriter.shape(result), [batch! * tokens!, heads! * width!])) return;
  const { shape, data } = turnedConstant(rewriter.value(weight));
  const attrs = { batch: batch!, heads: heads!, scale: scores.attrs.alpha };
  rewriter.replace(result, rewriter.add('Attention', attrs, [rewriter.current(x), rewriter.constant(shape, 'float32', data), bias]));
}

export const fuseAttention: Pass = {
  name: 'fuse-attention',
  run(graph) {
    const rewriter = new Rewriter(graph);
    for (const node of graph.nodes) if (node.op === 'Softmax') fuse(rewriter, node);
    return rewriter.finish();
  },
};
