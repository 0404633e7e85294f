/**
 * LayerNorm written in parts becomes one operation.
 *
 *   c = x − mean(x);  r = rsqrt(mean(c²) + ε);  x̂ = c·r;  y = x̂·γ + β
 *   ⇒  y = LayerNorm(x, γ, β),  (x̂, ·, r) = LayerNorm(x, 1)
 *
 * The backward pass reads x̂ and r, so a norm with a gradient becomes two operations: normalising twice is cheaper than
 * scaling and shifting x̂ in passes of their own.
 */
import type { Node, NodeOf, ValueId } from '../ir';
import { sameShape } from '../ir';
import type { Pass } from './pass';
import { Rewriter } from './rewriter';

interface Found {
  readonly x: ValueId;
  readonly eps: number;
  readonly inverseStd: ValueId;
  /** x̂ */
  readonly normalised: ValueId;
}

interface Affine {
  readonly gamma: ValueId;
  readonly beta: ValueId;
  readonly scaled: Node;
  readonly result: ValueId;
}

function meanOfLastAxis(rewriter: Rewriter, id: ValueId): ValueId | undefined {
  const mean = rewriter.made(id, 'Mean');
  if (!mean?.attrs.keepDims || mean.attrs.axes.length !== 1) return undefined;
  const x = mean.inputs[0]!;
  return mean.attrs.axes[0] === rewriter.shape(x).length - 1 ? x : undefined;
}

/** x, where `id` is x − mean(x). */
function centredFrom(rewriter: Rewriter, id: ValueId): ValueId | undefined {
  const centred = rewriter.made(id, 'Sub');
  if (!centred) return undefined;
  const [x, mean] = centred.inputs as [ValueId, ValueId];
  return meanOfLastAxis(rewriter, mean) === x ? x : undefined;
}

function find(rewriter: Rewriter, rsqrt: NodeOf<'Rsqrt'>): Found | undefined {
  const shifted = rewriter.made(rsqrt.inputs[0]!, 'Add');
  const met = shifted && rewriter.withNumber(shifted);
  const squared = met && meanOfLastAxis(rewriter, met.operand);
  const square = squared === undefined ? undefined : rewriter.made(squared, 'Square');
  if (!met || !square) return undefined;
  const centred = square.inputs[0]!;
  const x = centredFrom(rewriter, centred);
  const inverseStd = rsqrt.outputs[0]!;
  const normalise = rewriter.users(inverseStd).find((node) => node.op === 'Mul' && node.inputs.includes(centred) && node.inputs.includes(inverseStd));
  if (x === undefined || !normalise || rewriter.value(x).dtype !== 'float32') return undefined;
  return { x, eps: met.number, inverseStd, normalised: normalise.outputs[0]! };
}

function other(node: Node, id: ValueId): ValueId {
  return node.inputs[0] === id ? node.inputs[1]! : node.inputs[0]!;
}

/** The scale and shift that follow x̂, if they are vectors of the last axis and nothing else reads what is between. */
function findAffine(rewriter: Rewriter, { x, normalised }: Found): Affine | undefined {
  const isVector = (id: ValueId): boolean => sameShape(rewriter.shape(id), [rewriter.shape(x).at(-1)!]);
  for (const scaled of rewriter.users(normalised)) {
    if (scaled.op !== 'Mul' || !isVector(other(scaled, normalised))) continue;
    const shifted = rewriter.soleUser(scaled.outputs[0]!);
    if (shifted?.op !== 'Add' || !isVector(other(shifted, scaled.outputs[0]!))) continue;
    return { gamma: other(scaled, normalised), beta: other(shifted, scaled.outputs[0]!), scaled, result: shifted.outputs[0]! };
  }
  return undefined;
}

function fuse(rewriter: Rewriter, found: Found, ones: (length: number) => ValueId): void {
  const { x, eps, inverseStd, normalised } = found;
  const affine = findAffine(rewriter, found);
  if (affine) rewriter.replace(affine.result, rewriter.add('LayerNorm', { eps, outputs: 1 }, [x, affine.gamma, affine.beta]));
  const needsNormalised = !affine || rewriter.isOutput(normalised) || rewriter.users(normalised).some((node) => node !== affine.scaled);
  if (!needsNormalised) return;
  const [plain, , std] = rewriter.addAll('LayerNorm', { eps, outputs: 3 }, [x, ones(rewriter.shape(x).at(-1)!)]);
  rewriter.replace(normalised, plain!);
  rewriter.alias(inverseStd, std!);
}

export const fuseLayerNorm: Pass = {
  name: 'fuse-layer-norm',
  run(graph) {
    const rewriter = new Rewriter(graph);
    const known = new Map<number, ValueId>();
    const ones = (length: number): ValueId => {
      const vector = known.get(length) ?? rewriter.constant([length], 'float32', new Float32Array(length).fill(1));
      known.set(length, vector);
      return vector;
    };
    for (const node of graph.nodes) {
      const found = node.op === 'Rsqrt' ? find(rewriter, node) : undefined;
      if (found) fuse(rewriter, found, ones);
    }
    return rewriter.finish();
  },
};
