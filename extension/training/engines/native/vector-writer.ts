/**
 * Code of a kernel that computes sixteen elements at a time: expressions in vector registers, pointers and loops around them. Kernels are
 * functions `(arguments, begin, end)`: arguments are addresses, one a pointer; units from begin to end are computed.
 */
import { Assembler, type Label, R10, R11, R12, R13, R14, R15, R8, R9, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP, type Broadcast, type Gpr, type Masked, type Mem, type Zmm } from './assembler';
import type { View } from './expression';
import { placesOf, type Axis, type Pointers } from './loops';

export const LANES = 16;
const BYTES = 4;
/** Pointers beyond these wait on the stack. */
export const POINTER_REGISTERS: readonly Gpr[] = [R8, R9, R10, R11, R12, R13, RBX, RBP];
const SAVED: readonly Gpr[] = [RBX, RBP, R12, R13, R14, R15];
const VECTOR_REGISTERS = 32;

/** Elements that the last vector of a row has. */
export const TAIL = 1;
export const COMPARED = 2;
const GATHERED = 3;
const ALL = 7;

export function floatBits(number: number): number {
  return new Int32Array(Float32Array.of(number).buffer)[0]!;
}

export interface Loops {
  /** Which a unit is one place of. */
  readonly outer: readonly Axis[];
  /** Which each unit passes through. */
  readonly middle?: readonly Axis[];
  readonly inner: Axis;
}

export class VectorWriter {
  readonly asm = new Assembler();
  private readonly constants: number[] = [];
  private readonly constantsAt = this.asm.label();
  private free: Zmm[] = Array.from({ length: VECTOR_REGISTERS }, (_, i) => VECTOR_REGISTERS - 1 - i);
  private readonly coordinates: number;
  private readonly frame: number;

  constructor(
    private readonly pointers: Pointers,
    private readonly loops: Loops,
  ) {
    // Where the pointers' slots end: coordinates of the unit, then of the middle axes, then how many of these are left.
    this.coordinates = 8 * pointers.all.length;
    this.frame = this.coordinates + 8 * (loops.outer.length + (loops.middle?.length ?? 0) + 1);
  }

  // Vector registers and constants.

  take(): Zmm {
    const reg = this.free.pop();
    if (reg === undefined) throw new Error('An expression needs more than 32 vector registers.');
    return reg;
  }

  release(...registers: readonly Zmm[]): void {
    this.free.push(...registers);
  }

  private bits(values: readonly number[]): number {
    const known = this.constants.findIndex((_, at) => values.every((value, i) => this.constants[at + i] === value));
    if (known >= 0) return BYTES * known;
    this.constants.push(...values);
    return BYTES * (this.constants.length - values.length);
  }

  /** Of sixteen places. */
  float(number: number): Broadcast {
    return this.int(floatBits(number));
  }

  int(bits: number): Broadcast {
    return { broadcast: { base: RSI, disp: this.bits([bits]) } };
  }

  /** Sets a register to a number at all places. */
  fill(to: Zmm, { broadcast }: Broadcast, masked?: Masked): void {
    this.asm.vbroadcastss(to, broadcast, masked);
  }

  // Pointers.

  private pointer(index: number): Gpr {
    const register = POINTER_REGISTERS[index];
    if (register !== undefined) return register;
    this.asm.mov(RAX, { base: RSP, disp: 8 * index });
    return RAX;
  }

  /** Where the elements at the loop's place begin. */
  place(view: View): Mem {
    const index = this.pointers.of(view);
    const stride = this.loops.inner.strides[index]!;
    const base = this.pointer(index);
    if (stride === 0) return { base };
    if (stride !== 1) throw new Error('Elements that do not lie side by side have no one place.');
    return { base, index: RCX, scale: BYTES };
  }

  /** Where the loop's place begins in a row of bytes. */
  placeOfBytes(view: View): Mem {
    return { base: this.pointer(this.pointers.of(view)), index: RCX };
  }

  /** Where the loop's place begins in a row of halves. */
  placeOfHalves(view: View): Mem {
    return { base: this.pointer(this.pointers.of(view)), index: RCX, scale: 2 };
  }

  /** So many elements further. */
  placeBeyond(view: View, elements: number): Mem {
    return { ...this.place(view), disp: elements * BYTES };
  }

  /** Where the loop's place begins if its elements lie so far apart, in RDX; the pointer itself stays where the row begins. */
  placeAcross(view: View, stride: number): Mem {
    const { asm } = this;
    asm.imulImm(RDX, RCX, stride * BYTES);
    asm.add(RDX, this.pointer(this.pointers.of(view)));
    return { base: RDX };
  }

  load(to: Zmm, load: View, tail: boolean): void {
    const { asm } = this;
    const index = this.pointers.of(load);
    const stride = this.loops.inner.strides[index]!;
    const masked = tail ? { mask: TAIL, zero: true } : {};
    if (stride === 0) asm.vbroadcastss(to, this.place(load));
    else if (stride === 1) asm.vmovups(to, this.place(load), masked);
    else {
      const lanes = this.take();
      asm.vmovups(lanes, this.apart(stride));
      const place = this.placeAcross(load, stride);
      asm.kmov(GATHERED, tail ? TAIL : ALL);
      asm.vgatherdps(to, { ...place, index: lanes, scale: BYTES }, GATHERED);
      this.release(lanes);
    }
  }

  store(view: View, from: Zmm, tail: boolean): void {
    const { asm } = this;
    const index = this.pointers.of(view);
    const stride = this.loops.inner.strides[index]!;
    if (stride === 1) {
      asm.vstoreups(this.place(view), from, tail ? { mask: TAIL } : {});
      return;
    }
    const lanes = this.take();
    asm.vmovups(lanes, this.apart(stride));
    const place = this.placeAcross(view, stride);
    asm.kmov(GATHERED, tail ? TAIL : ALL);
    asm.vscatterdps({ ...place, index: lanes, scale: BYTES }, from, GATHERED);
    this.release(lanes);
  }

  /** Past the caches: for much that is read much later. Whole vectors go to places at multiples of their length. */
  stream(view: View, from: Zmm, tail: boolean): void {
    if (tail) this.store(view, from, tail);
    else this.asm.vstream(this.place(view), from);
  }

  private apart(stride: number): Mem {
    return { base: RSI, disp: this.bits(Array.from({ length: LANES }, (_, lane) => lane * stride)) };
  }

  // Loops.

  private coordinate(at: number): Mem {
    return { base: RSP, disp: this.coordinates + 8 * at };
  }

  /** Divides a place's number, in RAX, into coordinates. */
  private divide(axes: readonly Axis[], first: number): void {
    const { asm } = this;
    for (let at = axes.length - 1; at > 0; at--) {
      asm.xor(RDX, RDX);
      asm.movImm(RCX, axes[at]!.size);
      asm.div(RCX);
      asm.store(this.coordinate(first + at), RDX);
    }
    if (axes.length > 0) asm.store(this.coordinate(first), RAX);
  }

  private setPointers(axes: readonly Axis[]): void {
    const { asm, pointers } = this;
    pointers.all.forEach((_, index) => {
      const register = POINTER_REGISTERS[index] ?? RDX;
      asm.mov(register, { base: RDI, disp: 8 * index });
      axes.forEach(({ strides }, at) => {
        if (!strides[index]) return;
        asm.imulImm(RAX, this.coordinate(at), strides[index] * BYTES);
        asm.add(register, RAX);
      });
      if (register === RDX) asm.store({ base: RSP, disp: 8 * index }, RDX);
    });
  }

  /** Runs over the elements of the inner axis; `body` is written for whole vectors and for the last, smaller one. */
  inner(body: (tail: boolean) => void): void {
    const { asm, loops: { inner: { size } } } = this;
    const whole = size - (size % LANES);
    asm.xor(RCX, RCX);
    if (whole > 0) {
      const again = asm.label();
      asm.place(again);
      body(false);
      asm.addImm(RCX, LANES);
      asm.cmpImm(RCX, whole);
      asm.jcc('l', again);
    }
    if (size > whole) body(true);
  }

  /** Runs `body` at each place of the middle axes, with the pointers there. */
  eachMiddle(body: () => void): void {
    const { asm, loops: { outer, middle = [] } } = this;
    const count = placesOf(middle);
    if (count === 1) {
      body();
      return;
    }
    const left = this.coordinate(outer.length + middle.length);
    const again = asm.label();
    asm.movImm(RAX, 0);
    asm.store(left, RAX);
    asm.place(again);
    asm.mov(RAX, left);
    this.divide(middle, outer.length);
    this.setPointers([...outer, ...middle]);
    body();
    asm.mov(RAX, left);
    asm.addImm(RAX, 1);
    asm.store(left, RAX);
    asm.cmpImm(RAX, count);
    asm.jcc('l', again);
  }

  private open(): void {
    const { asm, loops: { inner: { size } } } = this;
    SAVED.forEach((reg) => asm.push(reg));
    asm.subImm(RSP, this.frame);
    asm.mov(R14, RSI);
    asm.mov(R15, RDX);
    asm.leaLabel(RSI, this.constantsAt);
    asm.movImm(RAX, 0xffff);
    asm.kmovw(ALL, RAX);
    if (size % LANES > 0) {
      asm.movImm(RAX, 2 ** (size % LANES) - 1);
      asm.kmovw(TAIL, RAX);
    }
  }

  private close(): Uint8Array {
    const { asm } = this;
    asm.addImm(RSP, this.frame);
    SAVED.toReversed().forEach((reg) => asm.pop(reg));
    asm.vzeroupper();
    asm.ret();
    asm.place(this.constantsAt);
    asm.raw(Int32Array.from(this.constants));
    return asm.code();
  }

  /** A function that writes each unit by `unit`; `steady`: which leaves the pointers as they were. */
  units(unit: () => void, steady = false): Uint8Array {
    const { asm, loops: { outer, middle = [] } } = this;
    const [place, begin, end] = [asm.label(), asm.label(), asm.label()];
    this.open();
    asm.place(place);
    asm.mov(RAX, R14);
    this.divide(outer, 0);
    // A unit begins where its middle axes begin.
    if (middle.length > 0) asm.movImm(RAX, 0);
    middle.forEach((_, at) => asm.store(this.coordinate(outer.length + at), RAX));
    this.setPointers([...outer, ...middle]);
    asm.place(begin);
    unit();
    asm.addImm(R14, 1);
    asm.cmp(R14, R15);
    asm.jcc('ge', end);
    if (steady) this.nextUnit(place, begin);
    asm.jmp(place);
    asm.place(end);
    return this.close();
  }

  /** Pointers move on by a place of the last outer axis, where it has another one: no division. */
  private nextUnit(place: Label, begin: Label): void {
    const { asm, pointers, loops: { outer } } = this;
    const last = outer.at(-1);
    if (!last) return;
    if (outer.length > 1) {
      const coordinate = this.coordinate(outer.length - 1);
      asm.mov(RAX, coordinate);
      asm.addImm(RAX, 1);
      asm.cmpImm(RAX, last.size);
      asm.jcc('ge', place);
      asm.store(coordinate, RAX);
    }
    pointers.all.forEach((_, index) => {
      const stride = last.strides[index]! * BYTES;
      if (stride === 0) return;
      const register = POINTER_REGISTERS[index];
      if (register !== undefined) {
        asm.addImm(register, stride);
        return;
      }
      asm.mov(RAX, { base: RSP, disp: 8 * index });
      asm.addImm(RAX, stride);
      asm.store({ base: RSP, disp: 8 * index }, RAX);
    });
    asm.jmp(begin);
  }

  /** A function over one axis whose units are pieces of so many elements, a multiple of sixteen. */
  pieces(each: number, body: (tail: boolean) => void): Uint8Array {
    const { asm, loops: { inner: { size } } } = this;
    const whole = size - (size % LANES);
    this.open();
    this.setPointers([]);
    const [again, done, end] = [asm.label(), asm.label(), asm.label()];
    asm.imulImm(RCX, R14, each);
    asm.imulImm(R15, R15, each);
    asm.movImm(R14, whole);
    asm.cmp(R14, R15);
    asm.cmov('g', R14, R15);
    asm.cmp(RCX, R14);
    asm.jcc('ge', done);
    asm.place(again);
    body(false);
    asm.addImm(RCX, LANES);
    asm.cmp(RCX, R14);
    asm.jcc('l', again);
    asm.place(done);
    if (size > whole) {
      asm.cmpImm(R15, size);
      asm.jcc('l', end);
      body(true);
      asm.place(end);
    }
    return this.close();
  }
}

