/**
 * Writes x86-64 machine code with AVX-512: the few instructions that kernels are made of, each a method named as in Intel's manual
 * (Software Developer's Manual, volume 2), destination first. Vector instructions are encoded with EVEX, of 512 bits.
 */

/** A general register by its number. */
export type Gpr = number;
/** A vector register of 16 numbers, 0 to 31. */
export type Zmm = number;
/** A mask register; as a mask 0 means none. */
export type Mask = number;

export const [RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15] = Array.from({ length: 16 }, (_, i) => i) as [
  Gpr, Gpr, Gpr, Gpr, Gpr, Gpr, Gpr, Gpr, Gpr, Gpr, Gpr, Gpr, Gpr, Gpr, Gpr, Gpr,
];

export interface Mem {
  readonly base: Gpr;
  readonly index?: Gpr;
  /** 1, 2, 4 or 8. Default: 1. */
  readonly scale?: number;
  readonly disp?: number;
}

/** A number in memory that stands for sixteen. */
export interface Broadcast {
  readonly broadcast: Mem;
}

export interface Masked {
  readonly mask?: Mask;
  /** Elements outside of the mask become zero, not what they were. */
  readonly zero?: boolean;
}

export class Label {
  at: number | undefined;
  readonly uses: number[] = [];
}

/** Conditions of jumps, by their encoding. */
const CONDITIONS = { b: 2, ae: 3, e: 4, ne: 5, be: 6, a: 7, l: 12, ge: 13, le: 14, g: 15 } as const;
export type Condition = keyof typeof CONDITIONS;

interface Encoding {
  /** Opcode map: 0F, 0F38, 0F3A. */
  readonly map: 1 | 2 | 3;
  /** Mandatory prefix: none, 66, F3, F2. */
  readonly prefix: 0 | 1 | 2 | 3;
  readonly opcode: number;
}

const ps = (opcode: number): Encoding => ({ map: 1, prefix: 0, opcode });
const int = (opcode: number): Encoding => ({ map: 1, prefix: 1, opcode });
const second = (opcode: number): Encoding => ({ map: 2, prefix: 1, opcode });
const third = (opcode: number): Encoding => ({ map: 3, prefix: 1, opcode });

/** Of a destination, a first operand and one that may be in memory. */
const BINARY = {
  vaddps: ps(0x58), vmulps: ps(0x59), vsubps: ps(0x5c), vminps: ps(0x5d), vdivps: ps(0x5e), vmaxps: ps(0x5f),
  vunpcklps: ps(0x14), vunpckhps: ps(0x15),
  vfmadd231ps: second(0xb8), vfnmadd231ps: second(0xbc), vfmadd213ps: second(0xa8), vscalefps: second(0x2c),
  vpaddd: int(0xfe), vpsubd: int(0xfa), vpmulld: second(0x40), vpmaxsd: second(0x3d), vpminsd: second(0x39), vpandd: int(0xdb), vpord: int(0xeb), vpxord: int(0xef),
  vpdpbusd: second(0x50),
} as const;

/** Of a destination and one operand that may be in memory. */
const UNARY = {
  vsqrtps: ps(0x51), vcvtdq2ps: ps(0x5b), vcvtps2dq: int(0x5b), vcvttps2dq: { map: 1, prefix: 2, opcode: 0x5b }, vpabsd: second(0x1e),
} as const satisfies Record<string, Encoding>;

/** With a byte of choice besides. */
const BINARY_IMMEDIATE = { vshuff32x4: third(0x23), vshufps: ps(0xc6) } as const;
const UNARY_IMMEDIATE = { vrndscaleps: third(0x08), vpshufd: int(0x70) } as const;

export type BinaryName = keyof typeof BINARY;
export type UnaryName = keyof typeof UNARY;

export class Assembler {
  private readonly bytes: number[] = [];
  private readonly labels = new Set<Label>();

  get length(): number {
    return this.bytes.length;
  }

  /** @throws Error where a jump's label was not placed */
  code(): Uint8Array {
    if ([...this.labels].some(({ at }) => at === undefined)) throw new Error('A label that code refers to was not placed.');
    return Uint8Array.from(this.bytes);
  }

  private emit(...bytes: number[]): void {
    for (const byte of bytes) this.bytes.push(byte & 0xff);
  }

  private emit32(value: number): void {
    this.emit(value, value >> 8, value >> 16, value >> 24);
  }

  // General registers, 64 bits.

  private modRm(reg: number, operand: number | Mem, compress = 1): void {
    if (typeof operand === 'number') {
      this.emit(0xc0 | ((reg & 7) << 3) | (operand & 7));
      return;
    }
    const { base, index, scale = 1, disp = 0 } = operand;
    const short = disp % compress === 0 && disp / compress >= -128 && disp / compress <= 127;
    const mode = disp === 0 && (base & 7) !== RBP ? 0 : short ? 1 : 2;
    const needsSib = index !== undefined || (base & 7) === RSP;
    this.emit((mode << 6) | ((reg & 7) << 3) | (needsSib ? 4 : base & 7));
    if (needsSib) this.emit((Math.log2(scale) << 6) | (((index ?? RSP) & 7) << 3) | (base & 7));
    if (mode === 1) this.emit(disp / compress);
    else if (mode === 2) this.emit32(disp);
  }

  private rex(reg: number, operand: number | Mem, wide = true): void {
    const [base, index] = typeof operand === 'number' ? [operand, 0] : [operand.base, operand.index ?? 0];
    this.emit(0x40 | (wide ? 8 : 0) | ((reg >> 3) << 2) | ((index >> 3) << 1) | (base >> 3));
  }

  private general(opcode: readonly number[], reg: number, operand: number | Mem): void {
    this.rex(reg, operand);
    this.emit(...opcode);
    this.modRm(reg, operand);
  }

  mov(to: Gpr, from: Gpr | Mem): void {
    this.general([0x8b], to, from);
  }

  /** A number of 32 bits, its sign kept. */
  movsxd(to: Gpr, from: Mem): void {
    this.general([0x63], to, from);
  }

  store(to: Mem, from: Gpr): void {
    this.general([0x89], from, to);
  }

  store32(to: Mem, from: Gpr): void {
    this.rex(from, to, false);
    this.emit(0x89);
    this.modRm(from, to);
  }

  /** @throws RangeError for a number that is not whole */
  movImm(to: Gpr, value: number | bigint): void {
    const whole = BigInt(value);
    if (whole >= -0x80000000n && whole <= 0x7fffffffn) {
      this.general([0xc7], 0, to);
      this.emit32(Number(whole));
      return;
    }
    this.emit(0x48 | (to >> 3), 0xb8 | (to & 7));
    for (let i = 0n; i < 8n; i++) this.emit(Number((whole >> (8n * i)) & 0xffn));
  }

  lea(to: Gpr, from: Mem): void {
    this.general([0x8d], to, from);
  }

  add(to: Gpr, from: Gpr | Mem): void {
    this.general([0x03], to, from);
  }

  sub(to: Gpr, from: Gpr | Mem): void {
    this.general([0x2b], to, from);
  }

  cmp(a: Gpr, b: Gpr | Mem): void {
    this.general([0x3b], a, b);
  }

  xor(to: Gpr, from: Gpr): void {
    this.general([0x33], to, from);
  }

  imul(to: Gpr, from: Gpr | Mem): void {
    this.general([0x0f, 0xaf], to, from);
  }

  imulImm(to: Gpr, from: Gpr | Mem, value: number): void {
    this.general([0x69], to, from);
    this.emit32(value);
  }

  private immediate(extension: number, to: Gpr, value: number): void {
    this.general([0x81], extension, to);
    this.emit32(value);
  }

  addImm(to: Gpr, value: number): void {
    this.immediate(0, to, value);
  }

  subImm(to: Gpr, value: number): void {
    this.immediate(5, to, value);
  }

  cmpImm(a: Gpr, value: number): void {
    this.immediate(7, a, value);
  }

  andImm(to: Gpr, value: number): void {
    this.immediate(4, to, value);
  }

  shlImm(to: Gpr, count: number): void {
    this.general([0xc1], 4, to);
    this.emit(count);
  }

  shrImm(to: Gpr, count: number): void {
    this.general([0xc1], 5, to);
    this.emit(count);
  }

  /** RAX := RDX:RAX / divisor, RDX := the rest; without signs. */
  div(divisor: Gpr): void {
    this.general([0xf7], 6, divisor);
  }

  cmov(condition: Condition, to: Gpr, from: Gpr): void {
    this.general([0x0f, 0x40 | CONDITIONS[condition]], to, from);
  }

  push(reg: Gpr): void {
    if (reg >= 8) this.emit(0x41);
    this.emit(0x50 | (reg & 7));
  }

  pop(reg: Gpr): void {
    if (reg >= 8) this.emit(0x41);
    this.emit(0x58 | (reg & 7));
  }

  call(target: Gpr): void {
    if (target >= 8) this.emit(0x41);
    this.emit(0xff, 0xd0 | (target & 7));
  }

  ret(): void {
    this.emit(0xc3);
  }

  /** Asks for a line of memory, which is read later, in the first cache or the second. */
  prefetch(place: Mem, cache: 1 | 2 = 1): void {
    this.general([0x0f, 0x18], cache, place);
  }

  pause(): void {
    this.emit(0xf3, 0x90);
  }

  /** EDX:EAX := the processor's clock. */
  rdtsc(): void {
    this.emit(0x0f, 0x31);
  }

  /** Adds in memory what `reg` holds, which becomes what was there; no other thread sees it half done. */
  lockXadd(to: Mem, reg: Gpr): void {
    this.emit(0xf0);
    this.general([0x0f, 0xc1], reg, to);
  }

  label(): Label {
    return new Label();
  }

  place(label: Label): void {
    label.at = this.length;
    for (const use of label.uses) this.patch(use, label.at);
  }

  private patch(use: number, target: number): void {
    const distance = target - (use + 4);
    for (let i = 0; i < 4; i++) this.bytes[use + i] = (distance >> (8 * i)) & 0xff;
  }

  private reference(label: Label): void {
    const use = this.length;
    this.emit32(0);
    this.labels.add(label);
    label.uses.push(use);
    if (label.at !== undefined) this.patch(use, label.at);
  }

  jmp(label: Label): void {
    this.emit(0xe9);
    this.reference(label);
  }

  jcc(condition: Condition, label: Label): void {
    this.emit(0x0f, 0x80 | CONDITIONS[condition]);
    this.reference(label);
  }

  callLabel(label: Label): void {
    this.emit(0xe8);
    this.reference(label);
  }

  /** The address of a label. */
  leaLabel(to: Gpr, label: Label): void {
    this.emit(0x48 | ((to >> 3) << 2), 0x8d, 0x05 | ((to & 7) << 3));
    this.reference(label);
  }

  /** Numbers in the code. */
  raw(values: Int32Array): void {
    for (const value of values) this.emit32(value);
  }

  // Vectors.

  private evex({ map, prefix, opcode }: Encoding, reg: number, vvvv: number, operand: number | Mem | Broadcast, { mask = 0, zero = false }: Masked = {}, tuple = 64): void {
    const isBroadcast = typeof operand !== 'number' && 'broadcast' in operand;
    const place = isBroadcast ? operand.broadcast : operand;
    const [b, x] = typeof place === 'number' ? [place >> 3, place >> 4] : [place.base >> 3, (place.index ?? 0) >> 3];
    // The fifth bit of a vector's index (in gathers and scatters) stands where that of the second operand does.
    const v4 = typeof place !== 'number' && place.index !== undefined && place.index >= 16 ? 1 : vvvv >> 4;
    const inverted = (bit: number): number => (bit & 1) ^ 1;
    this.emit(
      0x62,
      (inverted(reg >> 3) << 7) | (inverted(x) << 6) | (inverted(b) << 5) | (inverted(reg >> 4) << 4) | map,
      ((~vvvv & 15) << 3) | 4 | prefix,
      ((zero ? 1 : 0) << 7) | (2 << 5) | ((isBroadcast ? 1 : 0) << 4) | (inverted(v4) << 3) | mask,
      opcode,
    );
    this.modRm(reg, place, isBroadcast ? 4 : tuple);
  }

  op(name: BinaryName, to: Zmm, a: Zmm, b: Zmm | Mem | Broadcast, masked?: Masked): void {
    this.evex(BINARY[name], to, a, b, masked);
  }

  unary(name: UnaryName, to: Zmm, a: Zmm | Mem | Broadcast, masked?: Masked): void {
    this.evex(UNARY[name], to, 0, a, masked);
  }

  opImm(name: keyof typeof BINARY_IMMEDIATE, to: Zmm, a: Zmm, b: Zmm | Mem, choice: number, masked?: Masked): void {
    this.evex(BINARY_IMMEDIATE[name], to, a, b, masked);
    this.emit(choice);
  }

  unaryImm(name: keyof typeof UNARY_IMMEDIATE, to: Zmm, a: Zmm | Mem, choice: number, masked?: Masked): void {
    this.evex(UNARY_IMMEDIATE[name], to, 0, a, masked);
    this.emit(choice);
  }

  vmovups(to: Zmm, from: Zmm | Mem, masked?: Masked): void {
    this.evex(ps(0x10), to, 0, from, masked);
  }

  vstoreups(to: Mem, from: Zmm, masked?: Masked): void {
    this.evex(ps(0x11), from, 0, to, masked);
  }

  /** A whole line of memory, past the caches. */
  vstream(to: Mem, from: Zmm): void {
    this.evex(ps(0x2b), from, 0, to);
  }

  /** Sixteen floats of halves. */
  vcvtph2ps(to: Zmm, from: Mem, masked?: Masked): void {
    this.evex(second(0x13), to, 0, from, masked, 32);
  }

  /** One number to all sixteen places. */
  vbroadcastss(to: Zmm, from: Zmm | Mem, masked?: Masked): void {
    this.evex(second(0x18), to, 0, from, masked, 4);
  }

  /** The first number, to memory. */
  vmovss(to: Mem, from: Zmm): void {
    this.evex({ map: 1, prefix: 2, opcode: 0x11 }, from, 0, to, {}, 4);
  }

  /** One number to the first place; the others become zero. */
  vloadss(to: Zmm, from: Mem): void {
    this.evex({ map: 1, prefix: 2, opcode: 0x10 }, to, 0, from, {}, 4);
  }

  vpbroadcastd(to: Zmm, from: Gpr): void {
    this.evex(second(0x7c), to, 0, from);
  }

  /** Numbers at `from` + scale · the index of each; the mask, which may not be 0, is used up. */
  vgatherdps(to: Zmm, from: Mem & { readonly index: Zmm }, mask: Mask): void {
    this.evex(second(0x92), to, 0, from, { mask }, 4);
  }

  vscatterdps(to: Mem & { readonly index: Zmm }, from: Zmm, mask: Mask): void {
    this.evex(second(0xa2), from, 0, to, { mask }, 4);
  }

  /** The lowest byte of each whole number, side by side. */
  vpmovdb(to: Mem, from: Zmm, masked?: Masked): void {
    this.evex({ map: 2, prefix: 2, opcode: 0x31 }, from, 0, to, masked, 16);
  }

  // Masks.

  /** Comparisons of floats: 0 equal, 1 less, 2 less or equal, 4 not equal, 13 greater or equal, 14 greater; false where a number is not one, but 4. */
  vcmpps(to: Mask, a: Zmm, b: Zmm | Mem | Broadcast, predicate: number): void {
    this.evex(ps(0xc2), to, a, b);
    this.emit(predicate);
  }

  /** Comparisons of whole numbers: 0 equal, 1 less, 2 less or equal, 4 not equal, 5 greater or equal, 6 greater. */
  vpcmpd(to: Mask, a: Zmm, b: Zmm | Mem | Broadcast, predicate: number): void {
    this.evex(third(0x1f), to, a, b);
    this.emit(predicate);
  }

  /** Where `a` and `b` have a bit in common. */
  vptestmd(to: Mask, a: Zmm, b: Zmm): void {
    this.evex(second(0x27), to, a, b);
  }

  /** b where the mask is, else a. */
  vblendmps(to: Zmm, a: Zmm, b: Zmm | Mem | Broadcast, mask: Mask): void {
    this.evex(second(0x65), to, a, b, { mask });
  }

  kmovw(to: Mask, from: Gpr): void {
    if (from >= 8) this.emit(0xc4, 0xc1, 0x78);
    else this.emit(0xc5, 0xf8);
    this.emit(0x92, 0xc0 | (to << 3) | (from & 7));
  }

  kmov(to: Mask, from: Mask): void {
    this.emit(0xc5, 0xf8, 0x90, 0xc0 | (to << 3) | from);
  }

  vzeroupper(): void {
    this.emit(0xc5, 0xf8, 0x77);
  }
}

