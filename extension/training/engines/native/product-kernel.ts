/**
 * Matrix products. A tile of the result is held in vector registers while K passes: 8 rows of 48 columns (12 of 32, 14 of 16), each
 * number of A met by two or three vectors of B. What the tile is multiplied of lies in the caches: K goes by blocks, and all rows of a
 * call pass over one panel of B before the next.
 */
import { Assembler, R10, R11, R12, R13, R14, R15, R8, R9, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP, type Gpr, type Label, type Mem } from './assembler';
import { placesOf } from './loops';
import { floatBits, LANES } from './vector-writer';

const BYTES = 4;
const LINE = 64;
/** Rows of a tile by its vectors of columns. */
const TILE_ROWS = { 1: 14, 2: 12, 3: 8 } as const;
type Vectors = keyof typeof TILE_ROWS;
const UNROLLED = 4;

/** How far apart neighbours along an axis are, in elements. */
export interface ProductStrides {
  readonly row: number;
  readonly column: number;
}

/** What is done to the result as it is written: by a number a column, or by a matrix that lies as the result does. */
export interface Ending {
  readonly op: 'Add' | 'Mul';
  readonly by: 'columns' | 'matrix';
}

export interface BatchAxis {
  readonly size: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

export interface ProductShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly alpha: number;
  readonly a: ProductStrides & {
    /** From a tile's rows to the next; absent: as its rows are. */
    readonly tile?: number;
  };
  /** In rows as they are (columns one beside the other), or in panels: see `panelsOf`. */
  readonly b: { readonly row: number } | 'panels';
  /** Of rows of the result; its columns lie side by side. */
  readonly c: number;
  /** Outermost first; none: one product, whose rows are divided among calls; where tiles of A are apart, at multiples of a tile's rows. */
  readonly batch: readonly BatchAxis[];
  /** Numbers of K that pass before the next panel of B. */
  readonly depth: number;
  /**
   * Lines of memory of B's next block, where it lies in panels, that are asked for with every four of K; with them what the next tile
   * reads of A, where this lies in tiles. K is a multiple of four.
   */
  readonly fetches?: number;
  /** In order; only of one product. */
  readonly endings?: readonly Ending[];
}

export interface Panel {
  readonly column: number;
  readonly vectors: Vectors;
  readonly count: number;
  /** Columns of the last vector, where they are fewer than sixteen. */
  readonly tail: number;
}

function vectorsOf(n: number): { vectors: Vectors; full: number; rest: number } {
  const all = Math.ceil(n / LANES);
  const vectors = Math.ceil(all / Math.ceil(all / 3)) as Vectors;
  const full = Math.floor(n / (vectors * LANES));
  return { vectors, full, rest: n - full * vectors * LANES };
}

/** Columns of a panel; all panels but the last are as wide. */
export function panelWidth(n: number): number {
  return vectorsOf(n).vectors * LANES;
}

/** Columns of the last panel where it is narrower, with those that fill its last vector; 0 where there is none. */
export function lastPanelWidth(n: number): number {
  return Math.ceil(vectorsOf(n).rest / LANES) * LANES;
}

/** Elements of B in panels: one after the other, each [K, columns]. */
export function panelElements(n: number, k: number): number {
  return k * (vectorsOf(n).full * panelWidth(n) + lastPanelWidth(n));
}

export function panelsOf(n: number): Panel[] {
  const { vectors, full, rest } = vectorsOf(n);
  const panels: Panel[] = full > 0 ? [{ column: 0, vectors, count: full, tail: 0 }] : [];
  if (rest > 0) panels.push({ column: full * vectors * LANES, vectors: Math.ceil(rest / LANES) as Vectors, count: 1, tail: rest % LANES });
  return panels;
}

/** Rows that a tile has of a product of so many columns: the unit in which rows are divided among calls. */
export function tileRows(n: number): number {
  return TILE_ROWS[vectorsOf(n).vectors];
}

/** Calls may be divided so: by rows, best by as many as tiles have, or by matrices of the batch. */
export function productUnits({ m, batch }: Pick<ProductShape, 'm' | 'batch'>): number {
  return batch.length > 0 ? placesOf(batch) : m;
}

/** Where code keeps what; B's vectors and the numbers of A are in registers above the tile's. */
const FIRST_B = 24;
const FIRST_A = 27;
const A_REGISTERS = 5;
const TAIL_MASK = 2;
/** Of the arguments: those of endings come after A, B and C. */
const [RESULT, ENDINGS] = [16, 24];
/** On the stack of a tile's code: where it returns to, and C and B of the first panel, before what `pushEndings` put there. */
const BEFORE_ENDINGS = 24;

interface Tile {
  readonly rows: number;
  readonly vectors: Vectors;
  readonly tail: boolean;
  /** Of the last numbers of K, after which there are endings: how many; 0: of others. */
  readonly ends: number;
}

class ProductWriter {
  private readonly asm = new Assembler();
  private readonly tiles = new Map<string, Tile & { label: Label }>();
  private readonly rows: number;
  private readonly endings: readonly Ending[];

  constructor(private readonly shape: ProductShape) {
    this.rows = tileRows(shape.n);
    this.endings = shape.endings ?? [];
  }

  private get tileOfA(): number {
    const { a } = this.shape;
    return (a.tile ?? this.rows * a.row) * BYTES;
  }

  private get rowOfB(): number {
    const { b } = this.shape;
    return b === 'panels' ? 0 : b.row * BYTES;
  }

  /** Bytes from a row of B to the next within a panel. */
  private depthStride(vectors: Vectors): number {
    return this.shape.b === 'panels' ? vectors * LANES * BYTES : this.rowOfB;
  }

  private panelStride({ vectors }: Panel): number {
    return vectors * LANES * BYTES * (this.shape.b === 'panels' ? this.shape.k : 1);
  }

  private panelOffset({ column }: Panel): number {
    return column * BYTES * (this.shape.b === 'panels' ? this.shape.k : 1);
  }

  private tile(tile: Tile): Label {
    const key = Object.values(tile).join(',');
    const known = this.tiles.get(key);
    if (known) return known.label;
    const label = this.asm.label();
    this.tiles.set(key, { label, ...tile });
    return label;
  }

  write(): Uint8Array {
    const { asm, shape } = this;
    const saved = [RBX, RBP, R12, R13, R14, R15];
    saved.forEach((reg) => asm.push(reg));
    if (shape.batch.length > 0) this.batches();
    else this.someRows();
    saved.toReversed().forEach((reg) => asm.pop(reg));
    asm.vzeroupper();
    asm.ret();
    for (const { label, ...tile } of this.tiles.values()) {
      asm.place(label);
      this.tileCode(tile);
    }
    return asm.code();
  }

  /** R8, R9, R10: where A, B and C begin. RSI: whole tiles of rows; RDX: rows that are left. */
  private someRows(): void {
    const { asm, shape: { a, c } } = this;
    asm.mov(R8, { base: RDI });
    asm.mov(R9, { base: RDI, disp: 8 });
    asm.mov(R10, { base: RDI, disp: 16 });
    asm.sub(RDX, RSI);
    asm.imulImm(RAX, RSI, c * BYTES);
    asm.add(R10, RAX);
    if (a.tile === undefined) asm.imulImm(RAX, RSI, a.row * BYTES);
    else {
      asm.mov(R11, RDX);
      asm.mov(RAX, RSI);
      asm.xor(RDX, RDX);
      asm.movImm(RCX, this.rows);
      asm.div(RCX);
      asm.mov(RDX, R11);
      asm.imulImm(RAX, RAX, a.tile * BYTES);
    }
    asm.add(R8, RAX);
    asm.mov(RAX, RDX);
    asm.xor(RDX, RDX);
    asm.movImm(RCX, this.rows);
    asm.div(RCX);
    asm.mov(RSI, RAX);
    this.panels();
  }

  private batches(): void {
    const { asm, shape: { m, batch } } = this;
    const [next, end] = [asm.label(), asm.label()];
    // On the stack: the arguments, the unit, the end.
    asm.push(RDI);
    asm.push(RSI);
    asm.push(RDX);
    asm.place(next);
    asm.mov(RAX, { base: RSP, disp: 8 });
    asm.cmp(RAX, { base: RSP });
    asm.jcc('ge', end);
    asm.mov(RDI, { base: RSP, disp: 16 });
    asm.mov(R8, { base: RDI });
    asm.mov(R9, { base: RDI, disp: 8 });
    asm.mov(R10, { base: RDI, disp: 16 });
    for (const [i, axis] of [...batch.entries()].toReversed()) {
      if (i > 0) {
        asm.xor(RDX, RDX);
        asm.movImm(RCX, axis.size);
        asm.div(RCX);
      } else asm.mov(RDX, RAX);
      for (const [pointer, stride] of [[R8, axis.a], [R9, axis.b], [R10, axis.c]] as const) {
        if (stride === 0) continue;
        asm.imulImm(RCX, RDX, stride * BYTES);
        asm.add(pointer, RCX);
      }
    }
    asm.movImm(RSI, Math.floor(m / this.rows));
    asm.movImm(RDX, m % this.rows);
    this.panels();
    asm.mov(RAX, { base: RSP, disp: 8 });
    asm.addImm(RAX, 1);
    asm.store({ base: RSP, disp: 8 }, RAX);
    asm.jmp(next);
    asm.place(end);
    asm.addImm(RSP, 24);
  }

  /** How far what each ending reads is from the result, or of columns from the result's first row here. RDI: the arguments. */
  private pushEndings(): void {
    const { asm } = this;
    for (const [i, { by }] of [...this.endings.entries()].toReversed()) {
      asm.mov(RAX, { base: RDI, disp: ENDINGS + 8 * i });
      asm.sub(RAX, by === 'columns' ? R10 : { base: RDI, disp: RESULT });
      asm.push(RAX);
    }
  }

  /** All panels of B, each over all rows of the call, K by blocks. */
  private panels(): void {
    const { asm, shape: { n } } = this;
    this.pushEndings();
    for (const panel of panelsOf(n)) {
      if (panel.tail > 0) {
        asm.movImm(RAX, 2 ** panel.tail - 1);
        asm.kmovw(TAIL_MASK, RAX);
      }
      const again = asm.label();
      asm.push(R9);
      asm.push(R10);
      asm.addImm(R9, this.panelOffset(panel));
      asm.addImm(R10, panel.column * BYTES);
      asm.movImm(RBX, panel.count);
      asm.place(again);
      this.blocks(panel);
      asm.addImm(R9, this.panelStride(panel));
      asm.addImm(R10, panel.vectors * LANES * BYTES);
      asm.subImm(RBX, 1);
      asm.jcc('ne', again);
      asm.pop(R10);
      asm.pop(R9);
    }
    if (this.endings.length > 0) asm.addImm(RSP, 8 * this.endings.length);
  }

  private blocks(panel: Panel): void {
    const { asm, shape: { k, alpha, a, c, depth, fetches } } = this;
    const blocks = alpha === 1 ? Math.ceil(k / depth) : 1;
    const each = Math.ceil(k / blocks / UNROLLED) * UNROLLED;
    for (let from = 0; from < k; from += each) {
      const length = Math.min(each, k - from);
      const [tiles, rest, done] = [asm.label(), asm.label(), asm.label()];
      asm.lea(R15, { base: R8, disp: from * a.column * BYTES });
      asm.lea(RBP, { base: R9, disp: from * this.depthStride(panel.vectors) });
      asm.mov(R11, R10);
      asm.movImm(R14, from === 0 ? 0 : 1);
      if (fetches) asm.lea(R13, { base: RBP, disp: length * this.depthStride(panel.vectors) });
      asm.mov(RDI, RSI);
      asm.cmpImm(RDI, 0);
      asm.jcc('e', rest);
      asm.place(tiles);
      const ends = from + length === k;
      this.callTile(this.rows, panel, length, ends);
      asm.addImm(R15, this.tileOfA);
      asm.addImm(R11, this.rows * c * BYTES);
      asm.subImm(RDI, 1);
      asm.jcc('ne', tiles);
      asm.place(rest);
      for (const rows of this.rests()) {
        const other = asm.label();
        asm.cmpImm(RDX, rows);
        asm.jcc('ne', other);
        this.callTile(rows, panel, length, ends);
        asm.jmp(done);
        asm.place(other);
      }
      asm.place(done);
    }
  }

  /** Rows that may be left when all whole tiles are done. */
  private rests(): number[] {
    const { m, a, batch } = this.shape;
    const fixed = batch.length > 0 || a.tile !== undefined;
    return Array.from({ length: this.rows - 1 }, (_, i) => i + 1).filter((rows) => (fixed ? rows === m % this.rows : rows <= m));
  }

  private callTile(rows: number, { vectors, tail }: Panel, length: number, ends: boolean): void {
    const { asm } = this;
    asm.mov(RAX, R15);
    asm.mov(RCX, RBP);
    asm.movImm(R12, Math.floor(length / UNROLLED));
    if (!this.shape.fetches) asm.movImm(R13, length % UNROLLED);
    asm.callLabel(this.tile({ rows, vectors, tail: tail > 0, ends: ends && this.endings.length > 0 ? length : 0 }));
  }

  /** RAX: A, RCX: B, R11: C; R12, R13: steps of K by four, by one, or R13: what of B is asked for; R14: whether the tile is added to what C holds. */
  private tileCode({ rows, vectors, tail, ends }: Tile): void {
    const { asm, shape: { alpha, c, fetches } } = this;
    const sum = (row: number, vector: number): number => row * vectors + vector;
    const place = (row: number, vector: number): Mem => ({ base: R11, disp: (row * c + vector * LANES) * BYTES });
    const each = (visit: (row: number, vector: number) => void): void => {
      for (let row = 0; row < rows; row++) for (let vector = 0; vector < vectors; vector++) visit(row, vector);
    };
    const isTail = (vector: number): boolean => tail && vector === vectors - 1;
    const [adds, multiply] = [asm.label(), asm.label()];
    asm.cmpImm(R14, 0);
    asm.jcc('ne', adds);
    each((row, vector) => asm.op('vpxord', sum(row, vector), sum(row, vector), sum(row, vector)));
    asm.jmp(multiply);
    asm.place(adds);
    each((row, vector) => asm.vmovups(sum(row, vector), place(row, vector), isTail(vector) ? { mask: TAIL_MASK, zero: true } : {}));
    asm.place(multiply);
    const matrix = this.endings.findIndex(({ by }) => by === 'matrix');
    if (ends > 0 && matrix >= 0) this.fetchingSteps(matrix, { rows, vectors, tail, ends });
    else this.steps(R12, UNROLLED, rows, vectors, fetches ? () => this.fetchNext() : undefined);
    if (!fetches) this.steps(R13, 1, rows, vectors);
    if (alpha !== 1) {
      asm.movImm(RAX, floatBits(alpha));
      asm.vpbroadcastd(FIRST_B, RAX);
      each((row, vector) => asm.op('vmulps', sum(row, vector), sum(row, vector), FIRST_B));
    }
    if (ends > 0) this.end({ rows, vectors, tail, ends });
    each((row, vector) => asm.vstoreups(place(row, vector), sum(row, vector), isTail(vector) ? { mask: TAIL_MASK } : {}));
    asm.ret();
  }

  /** RAX: where what an ending reads for this tile begins. @param pushed bytes on the stack besides */
  private placeOfEnding({ by }: Ending, i: number, pushed = 0): void {
    const { asm } = this;
    asm.mov(RAX, { base: RSP, disp: BEFORE_ENDINGS + 8 * i + pushed });
    asm.add(RAX, by === 'columns' ? R10 : R11);
  }

  /**
   * Steps by four, each of which asks for a line of the matrix that is read at the end: of this tile's rows and the next ones', a vector
   * after the other, so that they come from memory little by little while tiles are computed.
   */
  private fetchingSteps(matrix: number, { rows, vectors, ends }: Tile): void {
    const { asm, shape: { c, fetches } } = this;
    const steps = Math.floor(ends / UNROLLED);
    asm.push(RDI);
    asm.push(RAX);
    this.placeOfEnding(this.endings[matrix]!, matrix, 16);
    asm.mov(RDI, RAX);
    asm.pop(RAX);
    for (let vector = 0; vector < vectors; vector++) {
      const own = Math.floor((steps * (vector + 1)) / vectors) - Math.floor((steps * vector) / vectors);
      asm.movImm(R12, own);
      this.steps(R12, UNROLLED, rows, vectors, () => {
        asm.prefetch({ base: RDI, disp: vector * LANES * BYTES });
        asm.addImm(RDI, c * BYTES);
        if (fetches) this.fetchNext();
      });
      asm.subImm(RDI, own * c * BYTES);
    }
    asm.pop(RDI);
  }

  /** Some of B's next block, at R13, which all tiles together pass over; and what the next tile has of A where this one is. */
  private fetchNext(): void {
    const { asm, shape: { a, b, fetches = 0 } } = this;
    if (b === 'panels') {
      for (let line = 0; line < fetches; line++) asm.prefetch({ base: R13, disp: line * LINE }, 2);
      asm.addImm(R13, fetches * LINE);
    }
    if (a.tile === undefined) return;
    for (let at = 0; at < UNROLLED * a.column * BYTES; at += LINE) asm.prefetch({ base: RAX, disp: this.tileOfA + at });
  }

  private end({ rows, vectors, tail }: Tile): void {
    const { asm, shape: { c } } = this;
    this.endings.forEach((ending, i) => {
      const { op, by } = ending;
      this.placeOfEnding(ending, i);
      for (let vector = 0; vector < vectors; vector++) {
        const isTail = tail && vector === vectors - 1;
        const column = vector * LANES * BYTES;
        if (by === 'columns') asm.vmovups(FIRST_B, { base: RAX, disp: column }, isTail ? { mask: TAIL_MASK, zero: true } : {});
        for (let row = 0; row < rows; row++) {
          const sum = row * vectors + vector;
          asm.op(op === 'Add' ? 'vaddps' : 'vmulps', sum, sum, by === 'columns' ? FIRST_B : { base: RAX, disp: row * c * BYTES + column }, isTail ? { mask: TAIL_MASK } : {});
        }
      }
    });
  }

  private steps(counter: Gpr, unrolled: number, rows: number, vectors: Vectors, besides?: () => void): void {
    const { asm, shape: { a } } = this;
    const [again, done] = [asm.label(), asm.label()];
    const stride = this.depthStride(vectors);
    asm.cmpImm(counter, 0);
    asm.jcc('e', done);
    asm.place(again);
    let turn = 0;
    for (let step = 0; step < unrolled; step++) {
      for (let vector = 0; vector < vectors; vector++) asm.vmovups(FIRST_B + vector, { base: RCX, disp: step * stride + vector * LANES * BYTES });
      for (let row = 0; row < rows; row++) {
        const number = FIRST_A + (turn++ % A_REGISTERS);
        asm.vbroadcastss(number, { base: RAX, disp: (row * a.row + step * a.column) * BYTES });
        for (let vector = 0; vector < vectors; vector++) asm.op('vfmadd231ps', row * vectors + vector, number, FIRST_B + vector);
      }
    }
    besides?.();
    asm.addImm(RAX, unrolled * a.column * BYTES);
    asm.addImm(RCX, unrolled * stride);
    asm.subImm(counter, 1);
    asm.jcc('ne', again);
    asm.place(done);
  }
}

/** Code of `void product(arguments, begin, end)`: arguments are the addresses of A, B, C and what endings read; begin and end count `productUnits`. */
export function productCode(shape: ProductShape): Uint8Array {
  return new ProductWriter(shape).write();
}
