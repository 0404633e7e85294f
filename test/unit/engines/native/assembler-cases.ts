/** Instructions and short pieces of code, each as text for GNU as (Intel syntax) and as calls of the Assembler, under the method they are there for. */
import type { Assembler, BinaryName, Broadcast, Condition, Masked, Mem, UnaryName } from '../../../../extension/training/engines/native/assembler';

export interface Case {
  readonly text: string;
  emit(assembler: Assembler): void;
  /** GNU as has no way to write this form: `text` is what objdump reads in it. */
  readonly readBack?: true;
}

type Register = (number: number) => string;
type IndexedMem = Mem & { readonly index: number };

const NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];
const [RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, , R12, R13, R14, R15] = NAMES.map((_, number) => number) as [
  number, number, number, number, number, number, number, number, number, number, number, number, number, number, number, number,
];

const r64: Register = (number) => NAMES[number]!;
const r32: Register = (number) => (number < 8 ? r64(number).replace('r', 'e') : `${r64(number)}d`);
const zmm: Register = (number) => `zmm${number}`;
const xmm: Register = (number) => `xmm${number}`;
const k: Register = (number) => `k${number}`;

const memory = ({ base, index, scale = 1, disp = 0 }: Mem, size = '', indexRegister = r64): string =>
  `${size && `${size} ptr `}[${r64(base)}${index === undefined ? '' : `+${indexRegister(index)}*${scale}`}${disp < 0 ? disp : `+${disp}`}]`;

/** An operand as GNU as reads it. */
const operand = (of: number | Mem | Broadcast, register: Register, size: string): string =>
  typeof of === 'number' ? register(of) : 'broadcast' in of ? `${memory(of.broadcast, 'dword')}{1to16}` : memory(of, size);

const masks = ({ mask = 0, zero = false }: Masked = {}): string => (mask === 0 ? '' : `{k${mask}}`) + (zero ? '{z}' : '');

/** Every kind of base, with and without index. RSP and R12 need an index byte, RBP and R13 a displacement. */
const BASES: readonly Mem[] = [
  ...[RAX, RBX, RSP, RBP, RDI, R8, R12, R13, R15].map((base) => ({ base })),
  { base: RAX, index: RCX }, { base: RCX, index: RBP, scale: 2 }, { base: RSP, index: RAX, scale: 4 }, { base: RBP, index: RDI, scale: 8 },
  { base: RDX, index: R8, scale: 8 }, { base: RSI, index: R12, scale: 4 }, { base: R12, index: R13, scale: 2 }, { base: R13, index: R15 }, { base: R14, index: RBX, scale: 8 },
];

const at = (disp: number): Mem[] => [{ base: RCX, disp }, { base: R12, index: R9, scale: 4, disp }, { base: RBP, disp }];
const GENERAL_PLACES = [...BASES, ...[1, 64, -8, 127, -128, 128, -129, 0x12345678, -0x7fffffff].flatMap(at)];
/** EVEX counts short displacements in the size of the operand: ends of their range, what is just outside and what is no multiple. */
const displacementsIn = (size: number): number[] => [size, -size, 127 * size, -128 * size, 128 * size, -129 * size, size - 1, 1 - size, 127 * size + 1, 0x12345640, -0x7fffffc0];
const placesIn = (size: number): Mem[] => [...BASES, ...displacementsIn(size).flatMap(at)];

const FAR: Mem = { base: R13, index: R10, scale: 8, disp: -640 };
const ONE_FOR_ALL: Broadcast = { broadcast: { base: R9, index: RSI, scale: 4, disp: 12 } };
const PAIRS: readonly (readonly [number, number])[] = [[RAX, RCX], [RSP, RBP], [RBX, R8], [R15, RDX], [R12, R13], [R9, R9]];
const REGISTERS = [RAX, RBX, RSP, RBP, RDI, R8, R12, R13, R15];
/** A bit of a register's number each, and all of them. */
const TRIPLES: readonly (readonly [number, number, number])[] = [[0, 0, 0], [1, 2, 4], [8, 0, 0], [0, 8, 0], [0, 0, 8], [16, 0, 0], [0, 16, 0], [0, 0, 16], [31, 30, 29], [7, 23, 15]];
const VECTOR_PAIRS: readonly (readonly [number, number])[] = [[0, 0], [1, 4], [8, 0], [0, 8], [16, 0], [0, 16], [31, 30], [23, 15]];
/** The first a mask's. */
const MASK_TRIPLES: readonly (readonly [number, number, number])[] = [[0, 0, 0], [1, 2, 4], [0, 8, 0], [2, 0, 8], [4, 16, 0], [0, 0, 16], [7, 30, 29], [6, 23, 15]];

type OfTwo = 'mov' | 'add' | 'sub' | 'cmp' | 'xor' | 'imul';

/** GNU as writes register to register as a store, but for these of {load}; the Assembler loads. */
const ofTwo = (name: OfTwo): Case[] => PAIRS.map(([to, from]) => ({ text: `{load} ${name} ${r64(to)}, ${r64(from)}`, emit: (a) => a[name](to, from) }));

const ofMemory = (name: Exclude<OfTwo, 'xor'>, places: readonly Mem[] = [{ base: RAX }, FAR]): Case[] =>
  places.flatMap((from) => [RDX, R14].map((to): Case => ({ text: `${name} ${r64(to)}, ${memory(from, 'qword')}`, emit: (a) => a[name](to, from) })));

/** Of a number that GNU as learns too late to choose a form of one byte for it. */
const long = (instruction: string, value: number): string => `${instruction}, offset number; .set number, ${value}`;
const WHOLES = [0, 1, -1, 64, 127, 128, -128, -129, 0x12345678, 0x7fffffff, -0x80000000];

const immediate = (name: 'add' | 'sub' | 'cmp' | 'and'): Case[] => [
  ...[RCX, RSP, R8, R13].flatMap((to) => WHOLES.map((value): Case => ({ text: long(`${name} ${r64(to)}`, value), emit: (a) => a[`${name}Imm`](to, value) }))),
  // GNU as has a form of RAX alone.
  ...[5, 0x12345].map((value): Case => ({ text: `${name} rax,0x${value.toString(16)}`, emit: (a) => a[`${name}Imm`](RAX, value), readBack: true })),
];

const shift = (name: 'shl' | 'shr'): Case[] => REGISTERS.flatMap((to) => [2, 6, 63].map((count) => ({ text: `${name} ${r64(to)}, ${count}`, emit: (a) => a[`${name}Imm`](to, count) })));
const ofOne = (name: 'div' | 'push' | 'pop' | 'call'): Case[] => REGISTERS.map((register) => ({ text: `${name} ${r64(register)}`, emit: (a) => a[name](register) }));

const CONDITIONS = Object.keys({ b: 0, ae: 0, e: 0, ne: 0, be: 0, a: 0, l: 0, ge: 0, le: 0, g: 0 } satisfies Record<Condition, 0>) as Condition[];

/** A label before what refers to it and one behind, each with something between. */
const reference = (instruction: (label: string) => string, refer: (assembler: Assembler, label: ReturnType<Assembler['label']>) => void): Case[] => [
  {
    text: `back: vzeroupper; ret; ${instruction('back')}`,
    emit: (a) => {
      const back = a.label();
      a.place(back);
      a.vzeroupper();
      a.ret();
      refer(a, back);
    },
  },
  {
    text: `${instruction('on')}; ${instruction('on')}; .fill 100, 4, 0; on: ret`,
    emit: (a) => {
      const on = a.label();
      refer(a, on);
      refer(a, on);
      a.raw(new Int32Array(100));
      a.place(on);
      a.ret();
    },
  },
];

type BinaryImmediateName = Parameters<Assembler['opImm']>[0];
type UnaryImmediateName = Parameters<Assembler['unaryImm']>[0];

const BINARY = Object.keys({
  vaddps: 0, vmulps: 0, vsubps: 0, vminps: 0, vdivps: 0, vmaxps: 0, vunpcklps: 0, vunpckhps: 0,
  vfmadd231ps: 0, vfnmadd231ps: 0, vfmadd213ps: 0, vscalefps: 0,
  vpaddd: 0, vpsubd: 0, vpmulld: 0, vpmaxsd: 0, vpminsd: 0, vpandd: 0, vpord: 0, vpxord: 0,
  vpdpbusd: 0,
} satisfies Record<BinaryName, 0>) as BinaryName[];
const UNARY = Object.keys({ vsqrtps: 0, vcvtdq2ps: 0, vcvtps2dq: 0, vcvttps2dq: 0, vpabsd: 0 } satisfies Record<UnaryName, 0>) as UnaryName[];
const BINARY_IMMEDIATE = Object.keys({ vshuff32x4: 0, vshufps: 0 } satisfies Record<BinaryImmediateName, 0>) as BinaryImmediateName[];
const UNARY_IMMEDIATE = Object.keys({ vrndscaleps: 0, vpshufd: 0 } satisfies Record<UnaryImmediateName, 0>) as UnaryImmediateName[];

const MASKED: readonly Masked[] = [{ mask: 1 }, { mask: 7, zero: true }];

const op = (name: BinaryName, to: number, x: number, y: number | Mem | Broadcast, masked?: Masked): Case => ({
  text: `${name} ${zmm(to)}${masks(masked)}, ${zmm(x)}, ${operand(y, zmm, 'zmmword')}`,
  emit: (a) => a.op(name, to, x, y, masked),
});

const unary = (name: UnaryName, to: number, x: number | Mem | Broadcast, masked?: Masked): Case => ({
  text: `${name} ${zmm(to)}${masks(masked)}, ${operand(x, zmm, 'zmmword')}`,
  emit: (a) => a.unary(name, to, x, masked),
});

const opImm = (name: BinaryImmediateName, to: number, x: number, y: number | Mem, choice: number, masked?: Masked): Case => ({
  text: `${name} ${zmm(to)}${masks(masked)}, ${zmm(x)}, ${operand(y, zmm, 'zmmword')}, ${choice}`,
  emit: (a) => a.opImm(name, to, x, y, choice, masked),
});

const unaryImm = (name: UnaryImmediateName, to: number, x: number | Mem, choice: number, masked?: Masked): Case => ({
  text: `${name} ${zmm(to)}${masks(masked)}, ${operand(x, zmm, 'zmmword')}, ${choice}`,
  emit: (a) => a.unaryImm(name, to, x, choice, masked),
});

const vmovups = (to: number, from: number | Mem, masked?: Masked): Case => ({
  text: `{evex} vmovups ${zmm(to)}${masks(masked)}, ${operand(from, zmm, 'zmmword')}`,
  emit: (a) => a.vmovups(to, from, masked),
});

const vstoreups = (to: Mem, from: number, masked?: Masked): Case => ({ text: `vmovups ${memory(to, 'zmmword')}${masks(masked)}, ${zmm(from)}`, emit: (a) => a.vstoreups(to, from, masked) });

const vstream = (to: Mem, from: number): Case => ({ text: `vmovntps ${memory(to, 'zmmword')}, ${zmm(from)}`, emit: (a) => a.vstream(to, from) });

const vcvtph2ps = (to: number, from: Mem, masked?: Masked): Case => ({ text: `vcvtph2ps ${zmm(to)}${masks(masked)}, ${memory(from, 'ymmword')}`, emit: (a) => a.vcvtph2ps(to, from, masked) });

const vpmovdb = (to: Mem, from: number, masked?: Masked): Case => ({ text: `vpmovdb ${memory(to, 'xmmword')}${masks(masked)}, ${zmm(from)}`, emit: (a) => a.vpmovdb(to, from, masked) });

const vbroadcastss = (to: number, from: number | Mem, masked?: Masked): Case => ({
  text: `vbroadcastss ${zmm(to)}${masks(masked)}, ${operand(from, xmm, 'dword')}`,
  emit: (a) => a.vbroadcastss(to, from, masked),
});

/** Indices are vectors of all 32 numbers: one bit of the number each, and bases that are special elsewhere. */
const INDEXED: readonly IndexedMem[] = [
  ...[0, 4, 8, 12, 16, 20, 24, 31].map((index) => ({ base: RAX, index, scale: 4 })),
  { base: R8, index: 17, scale: 1 }, { base: RSP, index: 2, scale: 2 }, { base: R12, index: 30, scale: 8 }, { base: RBP, index: 9, scale: 4 }, { base: R13, index: 25, scale: 4 },
  ...displacementsIn(4).map((disp) => ({ base: RDX, index: 19, scale: 4, disp })),
];

const compare = (name: 'vcmpps' | 'vpcmpd', predicates: readonly number[]): Case[] => {
  const of = (to: number, x: number, y: number | Mem | Broadcast, predicate: number): Case => ({
    text: `${name} ${k(to)}, ${zmm(x)}, ${operand(y, zmm, 'zmmword')}, ${predicate}`,
    emit: (a) => a[name](to, x, y, predicate),
  });
  return [
    ...MASK_TRIPLES.map(([to, x, y]) => of(to, x, y, 3)),
    ...predicates.map((predicate) => of(3, 5, 18, predicate)),
    ...[FAR, ONE_FOR_ALL].flatMap((y) => [of(1, 2, y, 2), of(7, 28, y, 4)]),
  ];
};

const vblendmps = (to: number, x: number, y: number | Mem | Broadcast, mask: number): Case => ({
  text: `vblendmps ${zmm(to)}${masks({ mask })}, ${zmm(x)}, ${operand(y, zmm, 'zmmword')}`,
  emit: (a) => a.vblendmps(to, x, y, mask),
});

const raw = (values: Int32Array): Case => ({
  text: `lea r9, [rip+numbers]; ret; numbers: .long ${values.join(', ')}; ret`,
  emit: (a) => {
    const numbers = a.label();
    a.leaLabel(R9, numbers);
    a.ret();
    a.place(numbers);
    a.raw(values);
    a.ret();
  },
});

/** What writes no instruction by itself has its part in others' cases. */
type Instruction = Exclude<keyof Assembler, 'length' | 'code' | 'label' | 'place'>;

const CASES_OF: Readonly<Record<Instruction, readonly Case[]>> = {
  mov: [...ofTwo('mov'), ...ofMemory('mov', GENERAL_PLACES)],
  movsxd: [...BASES, FAR].flatMap((from) => [RBP, R10].map((to) => ({ text: `movsxd ${r64(to)}, ${memory(from, 'dword')}`, emit: (a) => a.movsxd(to, from) }))),
  store: [...BASES, FAR].flatMap((to) => [RSI, R12].map((from) => ({ text: `mov ${memory(to, 'qword')}, ${r64(from)}`, emit: (a) => a.store(to, from) }))),
  // A prefix that is not needed is there all the same.
  store32: [...BASES, FAR].flatMap((to) => [RAX, RDI, R13].map((from) => ({ text: `{rex} mov ${memory(to, 'dword')}, ${r32(from)}`, emit: (a) => a.store32(to, from) }))),
  movImm: [RAX, RSP, R8, R15].flatMap((to) =>
    [...WHOLES, 0x80000000, 0xffffffff, -0x80000001, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0x7edcba9876543210n, -0x7edcba9876543210n, 0xfedcba9876543210n].map((value) => ({
      text: `mov ${r64(to)}, ${value}`,
      emit: (a) => a.movImm(to, value),
    })),
  ),
  lea: [...BASES, FAR].flatMap((from) => [RCX, R9].map((to) => ({ text: `lea ${r64(to)}, ${memory(from)}`, emit: (a) => a.lea(to, from) }))),
  add: [...ofTwo('add'), ...ofMemory('add')],
  sub: [...ofTwo('sub'), ...ofMemory('sub')],
  cmp: [...ofTwo('cmp'), ...ofMemory('cmp')],
  xor: ofTwo('xor'),
  imul: [...ofTwo('imul'), ...ofMemory('imul')],
  imulImm: [
    ...PAIRS.flatMap(([to, from]) => WHOLES.map((value): Case => ({ text: long(`imul ${r64(to)}, ${r64(from)}`, value), emit: (a) => a.imulImm(to, from, value) }))),
    { text: long(`imul r11, ${memory(FAR, 'qword')}`, 24), emit: (a) => a.imulImm(11, FAR, 24) },
  ],
  addImm: immediate('add'),
  subImm: immediate('sub'),
  cmpImm: immediate('cmp'),
  andImm: immediate('and'),
  shlImm: shift('shl'),
  shrImm: shift('shr'),
  div: ofOne('div'),
  cmov: CONDITIONS.flatMap((condition) => PAIRS.map(([to, from]) => ({ text: `cmov${condition} ${r64(to)}, ${r64(from)}`, emit: (a) => a.cmov(condition, to, from) }))),
  push: ofOne('push'),
  pop: ofOne('pop'),
  call: ofOne('call'),
  ret: [{ text: 'ret', emit: (a) => a.ret() }],
  pause: [{ text: 'pause', emit: (a) => a.pause() }],
  rdtsc: [{ text: 'rdtsc', emit: (a) => a.rdtsc() }],
  lockXadd: [...BASES, FAR].flatMap((to) => [RAX, R14].map((register) => ({ text: `lock xadd ${memory(to, 'qword')}, ${r64(register)}`, emit: (a) => a.lockXadd(to, register) }))),
  jmp: reference((label) => `{disp32} jmp ${label}`, (a, label) => a.jmp(label)),
  jcc: CONDITIONS.flatMap((condition) => reference((label) => `{disp32} j${condition} ${label}`, (a, label) => a.jcc(condition, label))),
  callLabel: reference((label) => `call ${label}`, (a, label) => a.callLabel(label)),
  leaLabel: [RAX, RDI, R8, R13].flatMap((to) => reference((label) => `lea ${r64(to)}, [rip+${label}]`, (a, label) => a.leaLabel(to, label))),
  raw: [raw(Int32Array.of(1, -2, 0x12345678)), raw(Int32Array.from({ length: 40 }, (_, i) => i - 7).subarray(3))],

  op: [
    ...placesIn(64).map((place) => op('vaddps', 17, 6, place)),
    ...placesIn(4).map((broadcast) => op('vmulps', 10, 27, { broadcast })),
    ...BINARY.flatMap((name) => [
      ...TRIPLES.map(([to, x, y]) => op(name, to, x, y)),
      ...[12, FAR, ONE_FOR_ALL].flatMap((y) => [op(name, 3, 21, y), ...MASKED.map((masked) => op(name, 26, 9, y, masked))]),
    ]),
  ],
  unary: UNARY.flatMap((name) => [
    ...VECTOR_PAIRS.map(([to, x]) => unary(name, to, x)),
    ...[12, FAR, ONE_FOR_ALL].flatMap((x) => [unary(name, 3, x), ...MASKED.map((masked) => unary(name, 26, x, masked))]),
  ]),
  opImm: BINARY_IMMEDIATE.flatMap((name) => [
    ...TRIPLES.map(([to, x, y]) => opImm(name, to, x, y, 0)),
    ...[12, FAR].flatMap((y) => [opImm(name, 3, 21, y, 0x4e), ...MASKED.map((masked) => opImm(name, 26, 9, y, 0xff, masked))]),
  ]),
  unaryImm: UNARY_IMMEDIATE.flatMap((name) => [
    ...VECTOR_PAIRS.map(([to, x]) => unaryImm(name, to, x, 1)),
    ...[12, FAR].flatMap((x) => [unaryImm(name, 3, x, 8), ...MASKED.map((masked) => unaryImm(name, 26, x, 0xb1, masked))]),
  ]),
  vmovups: [
    ...VECTOR_PAIRS.map(([to, from]) => vmovups(to, from)),
    ...placesIn(64).flatMap((from) => [vmovups(1, from), vmovups(24, from)]),
    ...[12, FAR].flatMap((from) => MASKED.map((masked) => vmovups(18, from, masked))),
  ],
  vstoreups: [...placesIn(64).flatMap((to) => [vstoreups(to, 14), vstoreups(to, 19)]), vstoreups(FAR, 5, { mask: 1 }), vstoreups({ base: RAX }, 30, { mask: 6 })],
  prefetch: [
    ...[...BASES, FAR].map((place): Case => ({ text: `rex.w prefetcht0 ${memory(place, 'byte')}`, emit: (a) => a.prefetch(place) })),
    { text: `rex.w prefetcht1 ${memory(FAR, 'byte')}`, emit: (a) => a.prefetch(FAR, 2) },
  ],
  vstream: placesIn(64).filter((to) => typeof to !== 'number').flatMap((to) => [vstream(to, 3), vstream(to, 28)]),
  vcvtph2ps: [
    ...placesIn(32).filter((from) => typeof from !== 'number').flatMap((from) => [vcvtph2ps(1, from), vcvtph2ps(24, from)]),
    ...MASKED.map((masked) => vcvtph2ps(18, FAR, masked)),
  ],
  vbroadcastss: [
    ...VECTOR_PAIRS.map(([to, from]) => vbroadcastss(to, from)),
    ...placesIn(4).map((from) => vbroadcastss(22, from)),
    ...[12, FAR].flatMap((from) => MASKED.map((masked) => vbroadcastss(11, from, masked))),
  ],
  vmovss: placesIn(4).flatMap((to) => [7, 28].map((from) => ({ text: `{evex} vmovss ${memory(to, 'dword')}, ${xmm(from)}`, emit: (a) => a.vmovss(to, from) }))),
  vloadss: placesIn(4).flatMap((from) => [7, 28].map((to) => ({ text: `{evex} vmovss ${xmm(to)}, ${memory(from, 'dword')}`, emit: (a) => a.vloadss(to, from) }))),
  vpmovdb: [...placesIn(16).flatMap((to) => [vpmovdb(to, 14), vpmovdb(to, 19)]), vpmovdb(FAR, 5, { mask: 1 }), vpmovdb({ base: RAX }, 30, { mask: 6 })],
  vpbroadcastd: [0, 9, 16, 31].flatMap((to) => REGISTERS.map((from) => ({ text: `vpbroadcastd ${zmm(to)}, ${r32(from)}`, emit: (a) => a.vpbroadcastd(to, from) }))),
  // GNU as warns where a destination is the index too.
  vgatherdps: INDEXED.flatMap((from) => [5, 26].map((to) => ({ text: `vgatherdps ${zmm(to)}{k${(to % 7) + 1}}, ${memory(from, 'dword', zmm)}`, emit: (a) => a.vgatherdps(to, from, (to % 7) + 1) }))),
  vscatterdps: INDEXED.flatMap((to) => [5, 26].map((from) => ({ text: `vscatterdps ${memory(to, 'dword', zmm)}{k${(from % 7) + 1}}, ${zmm(from)}`, emit: (a) => a.vscatterdps(to, from, (from % 7) + 1) }))),

  vcmpps: compare('vcmpps', [0, 1, 2, 4, 13, 14]),
  vpcmpd: compare('vpcmpd', [0, 1, 2, 4, 5, 6]),
  vptestmd: MASK_TRIPLES.map(([to, x, y]) => ({ text: `vptestmd ${k(to)}, ${zmm(x)}, ${zmm(y)}`, emit: (a) => a.vptestmd(to, x, y) })),
  vblendmps: [...TRIPLES.map(([to, x, y]) => vblendmps(to, x, y, 1)), ...[FAR, ONE_FOR_ALL].flatMap((y) => [vblendmps(2, 29, y, 2), vblendmps(25, 3, y, 7)])],
  kmovw: [0, 1, 7].flatMap((to) => REGISTERS.map((from) => ({ text: `kmovw ${k(to)}, ${r32(from)}`, emit: (a) => a.kmovw(to, from) }))),
  kmov: [[0, 7], [7, 0], [2, 5], [1, 1]].map(([to, from]) => ({ text: `kmovw ${k(to!)}, ${k(from!)}`, emit: (a) => a.kmov(to!, from!) })),
  vzeroupper: [{ text: 'vzeroupper', emit: (a) => a.vzeroupper() }],
};

export const CASES: readonly Case[] = Object.values(CASES_OF).flat();
