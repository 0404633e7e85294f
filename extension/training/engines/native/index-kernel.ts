/** The kernel of an operation that looks along an axis. */
import type { Dtype, Node, ValueId } from '../compiled/ir';
import type { Load, View } from './expression';
import { argExtremeKernel, cumSumKernel, gatherKernel, segmentSumKernel, topKKernel } from './index-kernels';
import type { Kernel } from './kernel';

/** What is known of values. */
interface Values {
  shape(id: ValueId): readonly number[];
  dtype(id: ValueId): Dtype;
  inMemory(id: ValueId): Load;
  /** Where a value is to be written. */
  home(id: ValueId): View;
}

/** Undefined for any other operation. */
export function indexKernel(node: Node, { shape: shapeOf, dtype, inMemory, home }: Values): Kernel | undefined {
  const [x, y] = node.inputs as [ValueId, ValueId];
  const [made, second] = node.outputs as [ValueId, ValueId];
  const shape = (): readonly number[] => shapeOf(x);
  switch (node.op) {
    case 'Gather':
      return gatherKernel({ shape: shapeOf(made), x: inMemory(x), xShape: shape(), indices: inMemory(y), indicesShape: shapeOf(y), axis: node.attrs.axis, to: home(made) });
    case 'SegmentSum':
      return segmentSumKernel({ x: inMemory(x), xShape: shape(), segments: inMemory(y), segmentsShape: shapeOf(y), count: node.attrs.count, to: home(made) });
    case 'ArgMax':
    case 'ArgMin':
      return argExtremeKernel({ op: node.op, x: inMemory(x), shape: shape(), axis: node.attrs.axis, to: home(made) });
    case 'TopK':
      return topKKernel({ x: inMemory(x), shape: shape(), k: node.attrs.k, values: home(made), indices: home(second) });
    case 'CumSum':
      return cumSumKernel({ x: inMemory(x), shape: shape(), axis: node.attrs.axis, exclusive: node.attrs.exclusive, reverse: node.attrs.reverse, to: home(made), dtype: dtype(x) });
    default:
      return undefined;
  }
}
