/** Kernels that bring operands of products into panels by whole vectors, where their shapes allow it: a pass over memory that is quick enough not to matter. */
import type { Mem, Zmm } from './assembler';
import type { Load, View } from './expression';
import { kernelOf, type Kernel } from './kernel';
import { streamsPast } from './loop-kernels';
import { Pointers, type Axis } from './loops';
import { LANES, TAIL, VectorWriter } from './vector-writer';

const BYTES = 4;
const HALF = 8;

/** Half of a vector. */
const FIRST_HALVES = 0x44;
const SECOND_HALVES = 0xee;

/**
 * A matrix [K, rows], read across its rows, in panels of eight: [rows / 8, K, 8]. Two of K at a time make a whole line of each panel.
 * @returns undefined where it does not divide so
 */
export function eightRowsKernel(a: Load, k: number, rows: number, root: number): Kernel | undefined {
  const [row, column] = a.strides as [number, number];
  if (column !== 1 || rows % HALF !== 0 || k % 2 !== 0) return undefined;
  const from: View = { ...a, strides: [2 * row, 1] };
  const to: View = { root, offset: 0, strides: [2 * HALF, 0] };
  const pointers = new Pointers();
  [from, to].forEach((view) => pointers.of(view));
  const inner: Axis = { size: rows, strides: [1, 0] };
  const writer = new VectorWriter(pointers, { outer: pointers.axes([k / 2, 1]), inner });
  const put = (to: Mem, line: Zmm): void => (streamsPast(k * rows) ? writer.asm.vstream(to, line) : writer.asm.vstoreups(to, line));
  const code = writer.units(() => writer.inner((tail) => {
    const { asm } = writer;
    const [first, second, line] = [writer.take(), writer.take(), writer.take()];
    const masked = tail ? { mask: TAIL, zero: true } : {};
    asm.vmovups(first, writer.place(from), masked);
    asm.vmovups(second, writer.placeBeyond(from, row), masked);
    const panel = writer.placeAcross(to, k);
    asm.opImm('vshuff32x4', line, first, second, FIRST_HALVES);
    put(panel, line);
    if (!tail) {
      asm.opImm('vshuff32x4', line, first, second, SECOND_HALVES);
      put({ ...panel, disp: HALF * k * BYTES }, line);
    }
    writer.release(first, second, line);
  }), true);
  return kernelOf({ name: 'Panels', code, views: pointers.all, writes: [to], units: k / 2, work: k * rows, reach: { outer: [{ size: k / 2, strides: [2 * row, 2 * HALF] }], rest: [{ size: 2, strides: [row, 0] }, inner] } });
}

/**
 * A matrix whose columns lie in lines, B [K, N] = Wᵀ, in panels [N / width, K, width]: by squares of sixteen, turned in registers.
 * @returns undefined where it does not divide so
 */
export function turnedPanelsKernel(b: Load, k: number, n: number, width: number, root: number): Kernel | undefined {
  const [row, column] = b.strides as [number, number];
  if (row !== 1 || k % LANES !== 0 || n % width !== 0) return undefined;
  const shape = [n / width, width / LANES, k / LANES];
  const from: View = { ...b, strides: [width * column, LANES * column, LANES] };
  const to: View = { root, offset: 0, strides: [k * width, LANES, LANES * width] };
  const pointers = new Pointers();
  [from, to].forEach((view) => pointers.of(view));
  const outer = shape.map((size, axis): Axis => ({ size, strides: pointers.all.map(({ strides }) => strides[axis]!) }));
  const writer = new VectorWriter(pointers, { outer, inner: { size: 1, strides: [0, 0] } });
  const code = writer.units(() => turnSquare(writer, from, column, to, width), true);
  return kernelOf({ name: 'Panels', code, views: pointers.all, writes: [to], units: (n / LANES) * (k / LANES), work: k * n });
}

/** Sixteen rows of sixteen become columns: pairs and fours within quarters of vectors, then the quarters. */
function turnSquare(writer: VectorWriter, from: View, fromRow: number, to: View, toRow: number): void {
  const { asm } = writer;
  const [source, target] = [writer.place(from), writer.place(to)];
  const at = (row: number): typeof source => ({ ...source, disp: row * fromRow * BYTES });
  const rows = Array.from({ length: LANES }, () => writer.take());
  const spare = writer.take();
  for (let row = 0; row < LANES; row += 2) {
    asm.vmovups(spare, at(row));
    asm.op('vunpcklps', rows[row]!, spare, at(row + 1));
    asm.op('vunpckhps', rows[row + 1]!, spare, at(row + 1));
  }
  /** Two registers become what two choices make of them. */
  const both = (name: 'vshufps' | 'vshuff32x4', a: number, b: number, low: number, high: number): void => {
    asm.opImm(name, spare, rows[a]!, rows[b]!, low);
    asm.opImm(name, rows[b]!, rows[a]!, rows[b]!, high);
    asm.vmovups(rows[a]!, spare);
  };
  // Of each four rows: columns 4l, 4l + 1, 4l + 2, 4l + 3 in quarter l, in registers 0, 2, 1, 3.
  for (let four = 0; four < LANES; four += 4) for (const pair of [four, four + 1]) both('vshufps', pair, pair + 2, FIRST_HALVES, SECOND_HALVES);
  for (let column = 0; column < 4; column++) {
    both('vshuff32x4', column, 4 + column, 0x88, 0xdd);
    both('vshuff32x4', 8 + column, 12 + column, 0x88, 0xdd);
    both('vshuff32x4', column, 8 + column, 0x88, 0xdd);
    both('vshuff32x4', 4 + column, 12 + column, 0x88, 0xdd);
  }
  // Register g + c holds columns 4·quarter + c.
  const columnOf = [0, 2, 1, 3];
  for (let group = 0; group < 4; group++) {
    for (let c = 0; c < 4; c++) asm.vstoreups({ ...target, disp: (4 * group + columnOf[c]!) * toRow * BYTES }, rows[4 * group + c]!);
  }
  writer.release(spare, ...rows);
}
