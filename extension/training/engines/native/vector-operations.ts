/**
 * Operations on vectors of sixteen elements. Booleans are whole numbers, 0 and 1. Exponentials by Cody and Waite's reduction and a
 * polynomial of the sixth degree; erf by the two polynomials of N. Juffa's erff (within one unit in the last place), the exponential
 * in the outer one.
 */
import type { Dtype, OpName, Operations } from '../compiled/ir';
import type { BinaryName, Broadcast, Zmm } from './assembler';
import type { Compute } from './expression';
import { COMPARED, type VectorWriter } from './vector-writer';

type Write = (writer: VectorWriter, to: Zmm, operands: readonly Zmm[], part: Compute) => void;

const SIGN = -0x80000000;
const MAGNITUDE = 0x7fffffff;
const EXPONENT = 0x7f800000;

const dtypeOf = (part: Compute): Dtype => part.operands[0]!.dtype;

function binary(float: BinaryName, int: BinaryName): Write {
  return ({ asm }, to, [a, b], part) => {
    asm.op(dtypeOf(part) === 'float32' ? float : int, to, a!, b!);
  };
}

function negate(writer: VectorWriter, to: Zmm, x: Zmm): void {
  writer.asm.op('vpxord', to, x, writer.int(SIGN));
}

function within(writer: VectorWriter, use: (temporary: Zmm) => void): void {
  const temporary = writer.take();
  use(temporary);
  writer.release(temporary);
}

/** to := (… (c₀·x + c₁)·x + …)·x + cₙ; `to` is not `x`. */
function polynomial(writer: VectorWriter, to: Zmm, x: Zmm, coefficients: readonly number[]): void {
  const [first, ...rest] = coefficients;
  writer.fill(to, writer.float(first!));
  for (const coefficient of rest) writer.asm.op('vfmadd213ps', to, x, writer.float(coefficient));
}

const LN2_HIGH = 0.693145751953125;
const LN2_LOW = 1.428606765330187e-6;
/** Beyond these eˣ is infinite, or zero. */
const [MOST, LEAST] = [89, -104];

/** `to` may be `x`. */
export function exponential(writer: VectorWriter, to: Zmm, x: Zmm): void {
  const { asm } = writer;
  const [clamped, n, power] = [writer.take(), writer.take(), writer.take()];
  // The second operand is what a minimum takes where there is no number.
  writer.fill(n, writer.float(MOST));
  asm.op('vminps', clamped, n, x);
  writer.fill(n, writer.float(LEAST));
  asm.op('vmaxps', clamped, n, clamped);
  asm.op('vmulps', n, clamped, writer.float(Math.LOG2E));
  asm.unaryImm('vrndscaleps', n, n, 8);
  asm.op('vfnmadd231ps', clamped, n, writer.float(LN2_HIGH));
  asm.op('vfnmadd231ps', clamped, n, writer.float(LN2_LOW));
  polynomial(writer, power, clamped, [1.38145406e-3, 8.36874545e-3, 4.16683890e-2, 1.66665211e-1, 4.99999940e-1, 1, 1]);
  asm.op('vscalefps', to, power, n);
  writer.release(clamped, n, power);
}

const erf: Write = (writer, to, [x]) => {
  const { asm } = writer;
  const [size, square, outer, more] = [writer.take(), writer.take(), writer.take(), writer.take()];
  asm.op('vpandd', size, x!, writer.int(MAGNITUDE));
  asm.op('vmulps', square, x!, x!);
  // Outside: 1 − exp of a polynomial.
  polynomial(writer, outer, size, [-1.72853470e-5, 3.83197126e-4]);
  polynomial(writer, more, size, [-3.88396438e-3, 2.42546219e-2]);
  asm.op('vfmadd213ps', outer, square, more);
  for (const coefficient of [-1.06777877e-1, -6.34846687e-1, -1.28717512e-1]) asm.op('vfmadd213ps', outer, size, writer.float(coefficient));
  negate(writer, more, size);
  asm.op('vfmadd213ps', outer, size, more);
  exponential(writer, outer, outer);
  writer.fill(more, writer.float(1));
  asm.op('vsubps', outer, more, outer);
  asm.op('vpandd', more, x!, writer.int(SIGN));
  asm.op('vpord', outer, outer, more);
  // Inside: x + x·polynomial of x².
  polynomial(writer, more, square, [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1]);
  asm.op('vfmadd213ps', more, x!, x!);
  asm.vcmpps(COMPARED, size, writer.float(0.927734375), 14);
  asm.vblendmps(to, more, outer, COMPARED);
  writer.release(size, square, outer, more);
};

const sigmoid: Write = (writer, to, [x]) => {
  within(writer, (one) => {
    negate(writer, one, x!);
    exponential(writer, one, one);
    writer.asm.op('vaddps', one, one, writer.float(1));
    writer.fill(to, writer.float(1));
    writer.asm.op('vdivps', to, to, one);
  });
};

/** By the exponential, but near zero, where its digits cancel, by Cephes' tanhf. */
const tanh: Write = (writer, to, [x]) => {
  const { asm } = writer;
  const [size, outer, inner] = [writer.take(), writer.take(), writer.take()];
  asm.op('vpandd', size, x!, writer.int(MAGNITUDE));
  asm.op('vaddps', outer, size, size);
  exponential(writer, outer, outer);
  asm.op('vaddps', outer, outer, writer.float(1));
  writer.fill(inner, writer.float(2));
  asm.op('vdivps', outer, inner, outer);
  writer.fill(inner, writer.float(1));
  asm.op('vsubps', outer, inner, outer);
  asm.op('vpandd', inner, x!, writer.int(SIGN));
  asm.op('vpord', outer, outer, inner);
  within(writer, (square) => {
    asm.op('vmulps', square, x!, x!);
    polynomial(writer, inner, square, [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1]);
    asm.op('vmulps', inner, inner, square);
    asm.op('vfmadd213ps', inner, x!, x!);
  });
  asm.vcmpps(COMPARED, size, writer.float(0.625), 14);
  asm.vblendmps(to, inner, outer, COMPARED);
  writer.release(size, outer, inner);
};

/** 1 where the mask of comparisons is, else 0. */
function truthOf(writer: VectorWriter, to: Zmm): void {
  writer.fill(to, writer.int(1), { mask: COMPARED, zero: true });
}

/** The predicates of `vcmpps` and `vpcmpd`. */
function comparison(float: number, int: number): Write {
  return (writer, to, [a, b], part) => {
    if (dtypeOf(part) === 'float32') writer.asm.vcmpps(COMPARED, a!, b!, float);
    else writer.asm.vpcmpd(COMPARED, a!, b!, int);
    truthOf(writer, to);
  };
}

const cast: Write = (writer, to, [x], part) => {
  const from = dtypeOf(part);
  const { dtype } = part;
  if (dtype === 'bool' && from !== 'bool') {
    within(writer, (zero) => {
      writer.asm.op('vpxord', zero, zero, zero);
      if (from === 'float32') writer.asm.vcmpps(COMPARED, x!, zero, 4);
      else writer.asm.vpcmpd(COMPARED, x!, zero, 4);
    });
    truthOf(writer, to);
  } else if (from === 'float32' && dtype === 'int32') writer.asm.unary('vcvttps2dq', to, x!);
  else if (from !== 'float32' && dtype === 'float32') writer.asm.unary('vcvtdq2ps', to, x!);
  else writer.asm.vmovups(to, x!);
};

function chosen(writer: VectorWriter, to: Zmm, otherwise: Broadcast, then: Broadcast): void {
  within(writer, (value) => {
    writer.fill(value, otherwise);
    writer.asm.vblendmps(to, value, then, COMPARED);
  });
}

const sign: Write = (writer, to, [x]) => {
  within(writer, (zero) => {
    writer.asm.op('vpxord', zero, zero, zero);
    writer.asm.vcmpps(COMPARED, x!, zero, 14);
    chosen(writer, to, writer.float(0), writer.float(1));
    writer.asm.vcmpps(COMPARED, x!, zero, 1);
    writer.asm.vblendmps(to, to, writer.float(-1), COMPARED);
  });
};

const rounded = (mode: number): Write => ({ asm }, to, [x]) => asm.unaryImm('vrndscaleps', to, x!, mode);

/** Numbers that are one element's own are not asked for here: those are the C library's. */
export const operations: { readonly [Op in OpName]?: Write } = {
  Add: binary('vaddps', 'vpaddd'), Sub: binary('vsubps', 'vpsubd'), Mul: binary('vmulps', 'vpmulld'), Div: ({ asm }, to, [a, b]) => asm.op('vdivps', to, a!, b!),
  Maximum: binary('vmaxps', 'vpmaxsd'), Minimum: binary('vminps', 'vpminsd'),
  LogicalAnd: ({ asm }, to, [a, b]) => asm.op('vpandd', to, a!, b!), LogicalOr: ({ asm }, to, [a, b]) => asm.op('vpord', to, a!, b!),
  LogicalNot: (writer, to, [x]) => writer.asm.op('vpxord', to, x!, writer.int(1)),
  Square: ({ asm }, to, [x], part) => asm.op(dtypeOf(part) === 'float32' ? 'vmulps' : 'vpmulld', to, x!, x!),
  SquaredDifference: ({ asm }, to, [a, b], part) => {
    const isFloat = dtypeOf(part) === 'float32';
    asm.op(isFloat ? 'vsubps' : 'vpsubd', to, a!, b!);
    asm.op(isFloat ? 'vmulps' : 'vpmulld', to, to, to);
  },
  Neg: (writer, to, [x], part) => {
    if (dtypeOf(part) === 'float32') negate(writer, to, x!);
    else within(writer, (zero) => {
      writer.asm.op('vpxord', zero, zero, zero);
      writer.asm.op('vpsubd', to, zero, x!);
    });
  },
  Abs: (writer, to, [x], part) => {
    if (dtypeOf(part) === 'float32') writer.asm.op('vpandd', to, x!, writer.int(MAGNITUDE));
    else writer.asm.unary('vpabsd', to, x!);
  },
  Exp: (writer, to, [x]) => exponential(writer, to, x!),
  Erf: erf, Sigmoid: sigmoid, Tanh: tanh, Sign: sign,
  Sqrt: ({ asm }, to, [x]) => asm.unary('vsqrtps', to, x!),
  Rsqrt: (writer, to, [x]) => within(writer, (root) => {
    writer.asm.unary('vsqrtps', root, x!);
    writer.fill(to, writer.float(1));
    writer.asm.op('vdivps', to, to, root);
  }),
  Reciprocal: (writer, to, [x]) => within(writer, (one) => {
    writer.fill(one, writer.float(1));
    writer.asm.op('vdivps', to, one, x!);
  }),
  Relu: (writer, to, [x], part) => within(writer, (zero) => {
    writer.asm.op('vpxord', zero, zero, zero);
    writer.asm.op(dtypeOf(part) === 'float32' ? 'vmaxps' : 'vpmaxsd', to, zero, x!);
  }),
  Floor: rounded(9), Ceil: rounded(10), Round: rounded(8),
  IsFinite: (writer, to, [x]) => {
    within(writer, (exponent) => {
      writer.asm.op('vpandd', exponent, x!, writer.int(EXPONENT));
      writer.asm.vpcmpd(COMPARED, exponent, writer.int(EXPONENT), 4);
    });
    truthOf(writer, to);
  },
  Step: (writer, to, [x], { attrs }) => {
    within(writer, (zero) => {
      writer.asm.op('vpxord', zero, zero, zero);
      writer.asm.vcmpps(COMPARED, x!, zero, 14);
    });
    chosen(writer, to, writer.float((attrs as Operations['Step']).alpha), writer.float(1));
  },
  Clip: (writer, to, [x], part) => {
    const { min, max } = part.attrs as Operations['Clip'];
    const isFloat = dtypeOf(part) === 'float32';
    const number = (value: number): Broadcast => (isFloat ? writer.float(value) : writer.int(Math.max(-0x80000000, Math.min(0x7fffffff, value))));
    within(writer, (limit) => {
      writer.fill(limit, number(min));
      writer.asm.op(isFloat ? 'vmaxps' : 'vpmaxsd', to, limit, x!);
      writer.fill(limit, number(max));
      writer.asm.op(isFloat ? 'vminps' : 'vpminsd', to, limit, to);
    });
  },
  Cast: cast,
  Equal: comparison(0, 0), NotEqual: comparison(4, 4), Less: comparison(1, 1), LessEqual: comparison(2, 2), Greater: comparison(14, 6), GreaterEqual: comparison(13, 5),
  Select: ({ asm }, to, [condition, then, otherwise]) => {
    asm.vptestmd(COMPARED, condition!, condition!);
    asm.vblendmps(to, otherwise!, then!, COMPARED);
  },
};

/** Those of whole numbers too: to the others they would be floats of the same bits. */
const ofWholeNumbers: ReadonlySet<OpName> = new Set<OpName>([
  'Add', 'Sub', 'Mul', 'Maximum', 'Minimum', 'LogicalAnd', 'LogicalOr', 'LogicalNot', 'Square', 'SquaredDifference', 'Neg', 'Abs', 'Relu', 'Clip', 'Cast',
  'Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual', 'Select',
]);

/** @throws Error for an operation that is not computed element by element, or not of such elements */
export function writeOperation(writer: VectorWriter, to: Zmm, operands: readonly Zmm[], part: Compute): void {
  const write = operations[part.op];
  if (!write) throw new Error(`${part.op} is not computed element by element.`);
  if (dtypeOf(part) !== 'float32' && !ofWholeNumbers.has(part.op)) throw new Error(`${part.op} is not known of whole numbers.`);
  write(writer, to, operands, part);
}
