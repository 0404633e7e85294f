/** Reductions, in two steps where few results come of many elements: of chunks, which do not depend on how many threads there are, then of these. */
import { elementCount } from '../../../core/tensors';
import type { ValueId } from '../compiled/ir';
import { changed, contiguous, type Load, type View } from './expression';
import type { Kernel } from './kernel';
import { reductionKernel, type Reduction } from './loop-kernels';

/** Elements of a reduction that few units pass over, from which on it is divided. */
const LONG = 2 ** 14;
const FEW_UNITS = 32;
const MOST_CHUNKS = 64;

/** The largest divisor up to a limit; one that whole samples of a batch are parts of, if there is one. */
export function chunksOf(size: number, samples: number): number {
  const divisors = Array.from({ length: Math.min(MOST_CHUNKS, size) }, (_, i) => i + 1).filter((count) => size % count === 0);
  return (samples > 1 ? divisors.findLast((count) => count % samples === 0) : undefined) ?? divisors.at(-1)!;
}

/** @param samples of the batch; @param scratch makes memory for so many elements */
export function reductionKernels(whole: Reduction, samples: number, scratch: (elements: number) => ValueId): Kernel[] {
  const { shape, axes } = whole;
  const elements = axes.reduce((product, axis) => product * shape[axis]!, 1);
  const last = shape.findLastIndex((size) => size > 1);
  // Of columns a unit has as many as lie side by side.
  const together = axes.includes(last) ? 1 : (shape[last] ?? 1);
  const units = elementCount(shape) / elements / together;
  const axis = axes.find((one) => shape[one]! > 1);
  const chunks = axis === undefined || units >= FEW_UNITS || elements * together < LONG ? 1 : chunksOf(shape[axis]!, samples);
  return chunks === 1 || axis === undefined ? [reductionKernel(whole)] : divided(whole, axis, chunks, scratch);
}

function divided(whole: Reduction, axis: number, chunks: number, scratch: (elements: number) => ValueId): Kernel[] {
  const { shape, axes, dtype, op, to } = whole;
  const split = <Item>(items: readonly Item[], first: Item, second: Item): Item[] => [...items.slice(0, axis), first, second, ...items.slice(axis + 1)];
  const each = shape[axis]! / chunks;
  const expression = changed(whole.expression, (load) => ({ ...load, strides: split(load.strides, each * load.strides[axis]!, load.strides[axis]!) }))!;
  const splitShape = split(shape, chunks, each);
  const inner = [axis + 1, ...axes.filter((one) => one > axis).map((one) => one + 1)];
  const kept = splitShape.map((size, one) => (inner.includes(one) || (axes.includes(one) && one < axis) ? 1 : size));
  const partial: View = { root: scratch(elementCount(kept)), offset: 0, strides: contiguous(kept).map((stride, one) => (kept[one] === 1 ? 0 : stride)) };
  const ofChunks: Load = { kind: 'load', dtype, ...partial };
  return [
    reductionKernel({ ...whole, op: op === 'Mean' ? 'Sum' : op, expression, shape: splitShape, axes: inner, to: partial, scale: 1 }),
    reductionKernel({ ...whole, expression: ofChunks, shape: kept, axes: [axis], to: { ...to, strides: split(to.strides, 0, 0) } }),
  ];
}
