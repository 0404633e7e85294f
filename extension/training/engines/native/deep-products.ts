/**
 * Products of few rows and columns whose K is long, as where levels are mixed over all tokens: by pieces of K, which threads share and which
 * do not depend on how many these are, and the sum of these.
 */
import { elementCount } from '../../../core/tensors';
import type { Operations } from '../compiled/ir';
import { changed, contiguous, type Load, type View } from './expression';
import { reductionKernel } from './loop-kernels';
import { productKernels, type ProductKernels, type ProductParts } from './products';
import { chunksOf } from './reductions';

const LONG = 2 ** 13;
const FEW = 2 ** 12;

/**
 * @param k numbers that are added up
 * @param samples of a batch, whose parts pieces of K are best
 * @returns undefined where a product is not of this kind
 */
export function deepProductKernels(attrs: Operations['MatMul'], parts: ProductParts, k: number, samples: number): ProductKernels | undefined {
  const { a, aShape, b, bShape, shape, to, scratch } = parts;
  if (shape.length !== 2 || elementCount(shape) > FEW || k < LONG || parts.endings.length > 0) return undefined;
  const chunks = chunksOf(k, samples);
  const each = k / chunks;
  const [depthOfA, depthOfB] = [attrs.transA ? 0 : 1, attrs.transB ? 1 : 0];
  const divided = (axis: number) => (load: Load): Load => ({ ...load, strides: [each * load.strides[axis]!, ...load.strides] });
  const pieces = [chunks, ...shape];
  const piece: View = { root: scratch(elementCount(pieces)), offset: 0, strides: contiguous(pieces) };
  const { products, ...panels } = productKernels(attrs, {
    ...parts, a: divided(depthOfA)(a), aShape: [chunks, ...aShape.with(depthOfA, each)], b: changed(b, divided(depthOfB))!, bShape: [chunks, ...bShape.with(depthOfB, each)], to: piece, shape: pieces,
  });
  const sum = reductionKernel({ op: 'Sum', dtype: 'float32', expression: { kind: 'load', dtype: 'float32', ...piece }, shape: pieces, axes: [0], to: { ...to, strides: [0, ...to.strides] }, scale: 1 });
  return { ...panels, products: [...products, sum] };
}
