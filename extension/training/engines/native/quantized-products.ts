/** Products in 8 bits as kernels: the rows are rounded, each by its own largest number, then multiplied. */
import { elementCount } from '../../../core/tensors';
import type { ValueId } from '../compiled/ir';
import { byteProductCode, bytePanels, columnFacts, GROUP } from './byte-product-kernel';
import type { Load, View } from './expression';
import { kernelOf, type Kernel } from './kernel';
import { reduceAcrossLanes } from './loop-kernels';
import { Pointers } from './loops';
import { tileRows } from './product-kernel';
import { TAIL, VectorWriter } from './vector-writer';

/** Multiply-adds that take as long as an element of a simple kernel. */
const WORK = 1 / 64;
const LARGEST = 127;
/** Rounded numbers are stored without a sign, so much larger. */
const ZERO = 128;

export interface QuantizedParts {
  readonly x: Load;
  /** [rows, K] */
  readonly shape: readonly number[];
  /** [K, N] */
  readonly weights: Int8Array;
  /** [N] */
  readonly scales: Float32Array;
  /** Its columns lie side by side. */
  readonly to: View;
  /** Makes memory for so many words of four bytes. */
  scratch(words: number): ValueId;
  /** Memory that holds these numbers. */
  constant(numbers: Int32Array): ValueId;
}

/** Rows of bytes, and the factor of each row. */
function roundRows(x: Load, shape: readonly number[], bytes: ValueId, factors: ValueId): Kernel {
  const [rows, k] = shape as [number, number];
  const words = Math.ceil(k / GROUP);
  const to: View = { root: bytes, offset: 0, strides: [words, 0] };
  const factor: View = { root: factors, offset: 0, strides: [1, 0] };
  const pointers = new Pointers();
  [x, to, factor].forEach((view) => pointers.of(view));
  const writer = new VectorWriter(pointers, { outer: pointers.axes([rows, 1]), inner: { size: k, strides: [x.strides[1]!, 0, 0] } });
  const code = writer.units(() => {
    const { asm } = writer;
    const [most, value, inverse] = [writer.take(), writer.take(), writer.take()];
    asm.op('vpxord', most, most, most);
    // Compared by their bits, among which a number that is none is the largest: it must not vanish.
    writer.inner((tail) => {
      writer.load(value, x, tail);
      asm.op('vpandd', value, value, writer.int(0x7fffffff));
      asm.op('vpmaxsd', most, most, value);
    });
    reduceAcrossLanes(writer, 'Max', 'int32', most);
    // A row of zeros divides by a number that is not zero.
    asm.op('vpmaxsd', most, most, writer.float(1e-30));
    writer.fill(inverse, writer.float(LARGEST));
    asm.op('vdivps', inverse, inverse, most);
    asm.op('vmulps', most, most, writer.float(1 / LARGEST));
    asm.vmovss(writer.place(factor), most);
    writer.inner((tail) => {
      writer.load(value, x, tail);
      asm.op('vmulps', value, value, inverse);
      asm.unary('vcvtps2dq', value, value);
      asm.op('vpaddd', value, value, writer.int(ZERO));
      asm.vpmovdb(writer.placeOfBytes(to), value, tail ? { mask: TAIL } : {});
    });
    writer.release(most, value, inverse);
  }, true);
  return kernelOf({ name: 'RoundRows', code, views: pointers.all, writes: [to, factor], units: rows, work: 2 * rows * k, reach: { outer: [{ size: rows, strides: [x.strides[0]!, words, 1] }], rest: [{ size: k, strides: [x.strides[1]!, 0, 0] }, { size: words, strides: [0, 1, 0] }] } });
}

export function quantizedKernels({ x, shape, weights, scales, to, scratch, constant }: QuantizedParts): Kernel[] {
  const [rows, k] = shape as [number, number];
  const n = scales.length;
  const groups = Math.ceil(k / GROUP);
  const [bytes, factors] = [scratch(rows * groups), scratch(rows)];
  const at = (root: ValueId): View => ({ root, offset: 0, strides: [] });
  const code = byteProductCode({ m: rows, n, groups, c: to.strides[0]! });
  const views = [at(bytes), at(constant(bytePanels(weights, k, n))), to, at(factors), at(constant(columnFacts(weights, scales, k)))];
  const reach = { outer: [{ size: rows, strides: [groups, 0, to.strides[0]!, 1, 0] }], rest: [{ size: groups, strides: [1, 0, 0, 0, 0] }, { size: n, strides: [0, 0, 1, 0, 0] }] };
  const product = kernelOf({ name: 'MatMul of bytes', code, views, writes: [to], units: rows, multiple: tileRows(n), work: elementCount(shape) * n * WORK, reach });
  return [roundRows(x, shape, bytes, factors), product];
}
