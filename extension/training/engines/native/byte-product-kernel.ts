/**
 * Products of rows rounded to 8 bits and weights of 8 bits, by VNNI: an instruction multiplies four numbers of a row with four weights of
 * each of sixteen columns and adds them to whole numbers of 32 bits, exactly. Tiles as in `product-kernel.ts`.
 *
 *   x ≈ r·(u − 128), u from 1 to 255, r of the row;  W ≈ s·Q, s of the column
 *   x·W = r·s·(Σ u·Q − 128·Σ Q):  sums begin at −128·Σ Q
 */
import { Assembler, R10, R11, R12, R13, R14, R15, R8, R9, RAX, RBP, RBX, RCX, RDI, RDX, RSI, type Label, type Mem } from './assembler';
import { panelsOf, tileRows, type Panel } from './product-kernel';
import { LANES } from './vector-writer';

const BYTES = 4;
/** Numbers that one instruction takes of a row. */
export const GROUP = 4;
const UNROLLED = 4;
const FIRST_B = 24;
const FIRST_A = 27;
const A_REGISTERS = 5;
const TAIL_MASK = 2;

export interface ByteProductShape {
  readonly m: number;
  readonly n: number;
  /** Groups of four. */
  readonly groups: number;
  /** Of rows of the result, in elements. */
  readonly c: number;
}

/** Columns of all panels, with those that fill their last vectors. */
function columnsOf(n: number): number {
  return panelsOf(n).reduce((sum, { count, vectors }) => sum + count * vectors * LANES, 0);
}

/** @returns the panel and the place in it of each column */
function eachColumn(n: number, visit: (column: number, panelFirst: number, width: number, at: number) => void): void {
  for (const { column, vectors, count } of panelsOf(n)) {
    const width = vectors * LANES;
    for (let i = 0; i < count * width && column + i < n; i++) visit(column + i, column + i - (i % width), width, i % width);
  }
}

/** Weights [K, N] in panels [K / 4, columns, 4], as whole numbers of four bytes each. */
export function bytePanels(weights: Int8Array, k: number, n: number): Int32Array {
  const groups = Math.ceil(k / GROUP);
  const words = new Int32Array(groups * columnsOf(n));
  const bytes = new Int8Array(words.buffer);
  eachColumn(n, (column, first, width, at) => {
    for (let row = 0; row < k; row++) bytes[GROUP * (first * groups + Math.floor(row / GROUP) * width + at) + (row % GROUP)] = weights[row * n + column]!;
  });
  return words;
}

/** Of each panel: where the sums of its columns begin, then the columns' scales. */
export function columnFacts(weights: Int8Array, scales: Float32Array, k: number): Int32Array {
  const n = scales.length;
  const facts = new Int32Array(2 * columnsOf(n));
  const floats = new Float32Array(facts.buffer);
  eachColumn(n, (column, first, width, at) => {
    let sum = 0;
    for (let row = 0; row < k; row++) sum += weights[row * n + column]!;
    facts[2 * first + at] = -128 * sum;
    floats[2 * first + width + at] = scales[column]!;
  });
  return facts;
}

class ByteProductWriter {
  private readonly asm = new Assembler();
  private readonly tiles = new Map<string, { label: Label; rows: number; panel: Panel }>();
  private readonly rows: number;

  constructor(private readonly shape: ByteProductShape) {
    this.rows = tileRows(shape.n);
  }

  private get rowOfA(): number {
    return this.shape.groups * GROUP;
  }

  private tile(rows: number, panel: Panel): Label {
    const key = `${rows},${panel.vectors},${panel.tail > 0}`;
    const known = this.tiles.get(key);
    if (known) return known.label;
    const label = this.asm.label();
    this.tiles.set(key, { label, rows, panel });
    return label;
  }

  /** R8: A, R9: a panel of B, R10: C at the panel, R14: facts of its columns, RBP: scales of the rows; RSI: whole tiles, RDX: rows that are left. */
  write(): Uint8Array {
    const { asm, shape: { c } } = this;
    const saved = [RBX, RBP, R12, R13, R14, R15];
    saved.forEach((reg) => asm.push(reg));
    [R8, R9, R10, RBP, R14].forEach((reg, i) => asm.mov(reg, { base: RDI, disp: 8 * i }));
    for (const [reg, bytes] of [[R8, this.rowOfA], [R10, c * BYTES], [RBP, BYTES]] as const) {
      asm.imulImm(RAX, RSI, bytes);
      asm.add(reg, RAX);
    }
    asm.mov(RAX, RDX);
    asm.sub(RAX, RSI);
    asm.xor(RDX, RDX);
    asm.movImm(RCX, this.rows);
    asm.div(RCX);
    asm.mov(RSI, RAX);
    for (const panel of panelsOf(this.shape.n)) this.panels(panel);
    saved.toReversed().forEach((reg) => asm.pop(reg));
    asm.vzeroupper();
    asm.ret();
    for (const { label, rows, panel } of this.tiles.values()) {
      asm.place(label);
      this.tileCode(rows, panel);
    }
    return asm.code();
  }

  private panels(panel: Panel): void {
    const { asm, shape: { m, c, groups } } = this;
    const [again, tiles, rest, done] = [asm.label(), asm.label(), asm.label(), asm.label()];
    const width = panel.vectors * LANES;
    if (panel.tail > 0) {
      asm.movImm(RAX, 2 ** panel.tail - 1);
      asm.kmovw(TAIL_MASK, RAX);
    }
    asm.movImm(RBX, panel.count);
    asm.place(again);
    asm.mov(R15, R8);
    asm.mov(R11, R10);
    asm.mov(R13, RBP);
    asm.mov(RDI, RSI);
    asm.cmpImm(RDI, 0);
    asm.jcc('e', rest);
    asm.place(tiles);
    asm.callLabel(this.tile(this.rows, panel));
    asm.addImm(R15, this.rows * this.rowOfA);
    asm.addImm(R11, this.rows * c * BYTES);
    asm.addImm(R13, this.rows * BYTES);
    asm.subImm(RDI, 1);
    asm.jcc('ne', tiles);
    asm.place(rest);
    for (let rows = 1; rows < this.rows && rows <= m; rows++) {
      const other = asm.label();
      asm.cmpImm(RDX, rows);
      asm.jcc('ne', other);
      asm.callLabel(this.tile(rows, panel));
      asm.jmp(done);
      asm.place(other);
    }
    asm.place(done);
    asm.addImm(R9, groups * width * BYTES);
    asm.addImm(R10, width * BYTES);
    asm.addImm(R14, 2 * width * BYTES);
    asm.subImm(RBX, 1);
    asm.jcc('ne', again);
  }

  private tileCode(rows: number, { vectors, tail }: Panel): void {
    const { asm, shape: { groups, c } } = this;
    const sum = (row: number, vector: number): number => row * vectors + vector;
    asm.mov(RAX, R15);
    asm.mov(RCX, R9);
    for (let vector = 0; vector < vectors; vector++) {
      asm.vmovups(sum(0, vector), { base: R14, disp: vector * LANES * BYTES });
      for (let row = 1; row < rows; row++) asm.vmovups(sum(row, vector), sum(0, vector));
    }
    const loops = Math.floor(groups / UNROLLED);
    if (loops > 0) {
      const again = asm.label();
      asm.movImm(R12, loops);
      asm.place(again);
      this.steps(UNROLLED, rows, vectors);
      asm.subImm(R12, 1);
      asm.jcc('ne', again);
    }
    this.steps(groups % UNROLLED, rows, vectors);
    for (let vector = 0; vector < vectors; vector++) asm.vmovups(FIRST_B + vector, { base: R14, disp: (vectors + vector) * LANES * BYTES });
    for (let row = 0; row < rows; row++) {
      asm.vbroadcastss(FIRST_A, { base: R13, disp: row * BYTES });
      for (let vector = 0; vector < vectors; vector++) {
        const place: Mem = { base: R11, disp: (row * c + vector * LANES) * BYTES };
        asm.unary('vcvtdq2ps', sum(row, vector), sum(row, vector));
        asm.op('vmulps', sum(row, vector), sum(row, vector), FIRST_B + vector);
        asm.op('vmulps', sum(row, vector), sum(row, vector), FIRST_A);
        asm.vstoreups(place, sum(row, vector), tail > 0 && vector === vectors - 1 ? { mask: TAIL_MASK } : {});
      }
    }
    asm.ret();
  }

  private steps(count: number, rows: number, vectors: number): void {
    const { asm } = this;
    let turn = 0;
    for (let step = 0; step < count; step++) {
      for (let vector = 0; vector < vectors; vector++) asm.vmovups(FIRST_B + vector, { base: RCX, disp: (step * vectors + vector) * LANES * BYTES });
      for (let row = 0; row < rows; row++) {
        const numbers = FIRST_A + (turn++ % A_REGISTERS);
        asm.vbroadcastss(numbers, { base: RAX, disp: row * this.rowOfA + step * GROUP });
        for (let vector = 0; vector < vectors; vector++) asm.op('vpdpbusd', row * vectors + vector, numbers, FIRST_B + vector);
      }
    }
    asm.addImm(RAX, count * GROUP);
    asm.addImm(RCX, count * vectors * LANES * BYTES);
  }
}

/** Code of `void product(arguments, begin, end)`: addresses of A, B's panels, C, the rows' scales, the columns' facts; rows. */
export function byteProductCode(shape: ByteProductShape): Uint8Array {
  return new ByteProductWriter(shape).write();
}

