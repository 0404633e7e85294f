import { describe, expect, it } from 'vitest';
import type { Dtype, OpName } from '../../../../extension/training/engines/compiled/ir';
import type { Compute, Expression } from '../../../../extension/training/engines/native/expression';
import { mapKernel } from '../../../../extension/training/engines/native/loop-kernels';
import { nativeSupport } from '../../../../extension/training/engines/native/native-support';
import { operations } from '../../../../extension/training/engines/native/vector-operations';
import { nextWay, randomNumbers, runKernel, wholeLoad, type Numbers } from './run-kernel';

interface Promised {
  readonly of: (...numbers: number[]) => number;
  /** Units in the last place; 0: the same number. */
  readonly within?: number;
  readonly attrs?: Compute['attrs'];
  readonly from?: Dtype;
  readonly to?: Dtype;
}

/** By its series near zero, by its continued fraction beyond: to the last digits of a double. */
function erf(x: number): number {
  const size = Math.abs(x);
  if (!(size < 6)) return Number.isNaN(x) ? NaN : Math.sign(x);
  if (size < 2.5) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 80; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = size;
  for (let n = 60; n > 0; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / fraction);
}

function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2 === 0 ? 0 : 1) : Math.round(x);
}

const bit = (truth: boolean): number => Number(truth);
const comparison = (of: (a: number, b: number) => boolean): Promised[] => (['float32', 'int32'] as const).map((from) => ({ of: (a, b) => bit(of(a!, b!)), from, to: 'bool' }));
const both = (float: (a: number, b: number) => number, whole: (a: number, b: number) => number = float): Promised[] => [{ of: float as Promised['of'] }, { of: whole as Promised['of'], from: 'int32', to: 'int32' }];
const logical = (of: (a: number, b: number) => number): Promised[] => [{ of: of as Promised['of'], from: 'bool', to: 'bool' }];
/** A limit as the kernel has it. */
const clipped = (min: number, max: number): Promised['of'] => (x) => (Number.isNaN(x!) ? NaN : Math.min(Math.max(x!, min), max));

const PROMISES: Readonly<Partial<Record<OpName, readonly Promised[]>>> = {
  Add: both((a, b) => a + b, (a, b) => (a + b) | 0),
  Sub: both((a, b) => a - b, (a, b) => (a - b) | 0),
  Mul: both((a, b) => a * b, Math.imul),
  Div: [{ of: (a, b) => a! / b! }],
  // Where one is no number they are the second.
  Maximum: both((a, b) => (a > b ? a : b)),
  Minimum: both((a, b) => (a < b ? a : b)),
  LogicalAnd: logical((a, b) => a & b),
  LogicalOr: logical((a, b) => a | b),
  LogicalNot: logical((a) => 1 - a),
  Square: both((a) => a * a, (a) => Math.imul(a, a)),
  SquaredDifference: [{ of: (a, b) => Math.fround(a! - b!) ** 2 }],
  Neg: both((a) => -a, (a) => -a | 0),
  Abs: both(Math.abs, (a) => Math.abs(a) | 0),
  Exp: [{ of: Math.exp, within: 2 }],
  Erf: [{ of: erf, within: 2 }],
  // Its exponential is infinite below the logarithm of the largest number.
  Sigmoid: [{ of: (x) => (x! < -88.7228 ? 0 : 1 / (1 + Math.exp(-x!))), within: 3 }],
  Tanh: [{ of: Math.tanh, within: 2 }],
  Sign: [{ of: (x) => Math.sign(x!) || 0 }],
  Sqrt: [{ of: Math.sqrt }],
  Rsqrt: [{ of: (x) => 1 / Math.sqrt(x!), within: 1.5 }],
  Reciprocal: [{ of: (x) => 1 / x! }],
  Relu: [{ of: (x) => Math.max(x!, 0) }],
  Floor: [{ of: Math.floor }],
  Ceil: [{ of: Math.ceil }],
  Round: [{ of: roundHalfEven }],
  IsFinite: [{ of: (x) => bit(Number.isFinite(x)), to: 'bool' }],
  Step: [{ of: (x) => (x! > 0 ? 1 : 0.25), attrs: { alpha: 0.25 } }],
  Clip: [
    { of: clipped(-1.5, 6), attrs: { min: -1.5, max: 6 } },
    { of: clipped(-Infinity, 0.5), attrs: { min: -Infinity, max: 0.5 } },
    { of: clipped(-3, Infinity), attrs: { min: -3, max: Infinity }, from: 'int32', to: 'int32' },
  ],
  Cast: [
    { of: (x) => bit(x !== 0), attrs: { dtype: 'bool' }, to: 'bool' },
    { of: (x) => bit(x !== 0), attrs: { dtype: 'bool' }, from: 'int32', to: 'bool' },
    { of: (x) => (Math.abs(x!) < 2 ** 31 ? Math.trunc(x!) : -(2 ** 31)), attrs: { dtype: 'int32' }, to: 'int32' },
    { of: (x) => x!, attrs: { dtype: 'float32' }, from: 'int32' },
    { of: (x) => x!, attrs: { dtype: 'float32' }, from: 'bool' },
    { of: (x) => x!, attrs: { dtype: 'int32' }, from: 'bool', to: 'int32' },
    { of: (x) => x!, attrs: { dtype: 'bool' }, from: 'bool', to: 'bool' },
  ],
  Equal: comparison((a, b) => a === b),
  NotEqual: comparison((a, b) => a !== b),
  Less: comparison((a, b) => a < b),
  LessEqual: comparison((a, b) => a <= b),
  Greater: comparison((a, b) => a > b),
  GreaterEqual: comparison((a, b) => a >= b),
};

const SPECIAL = [0, -0, 1, -1, 0.5, 1.5, 2.5, -2.5, 1e-45, -1e-45, 1.1754943508222875e-38, 1e-39, 3.4028234663852886e38, -3.4028234663852886e38, Infinity, -Infinity, NaN, 16777217, 2147483648, -2147483648, 4294967296, 88.72, 88.73, -87.3, -88, -103.9, -104.1, 0.625, 0.62500006, 0.927734375, 0.92773443, 1e4, -1e4];

/** Special ones, ordinary ones of all sizes, and any bits. */
const FLOATS = Float32Array.from([
  ...SPECIAL,
  ...Array.from({ length: 8000 }, (_, i) => (i - 4000) / 200),
  ...Array.from(randomNumbers(4000, 2), (number) => 110 * number),
  ...Array.from(randomNumbers(4000, 3), (number) => Math.sign(number) * 10 ** (60 * Math.abs(number) - 45)),
  ...new Float32Array(Int32Array.from(randomNumbers(4000, 4), (number) => number * 2 ** 31).buffer),
]);
const WHOLES = Int32Array.from([0, 1, -1, 2, -3, 2147483647, -2147483648, 65536, -65537, ...randomNumbers(500, 5).map((number) => 10 * number), ...randomNumbers(500, 6).map((number) => number * 2 ** 31)]);
const TRUTHS = Int32Array.from({ length: 70 }, (_, i) => bit(i % 3 === 0));

const inputs = (dtype: Dtype): Numbers => (dtype === 'float32' ? FLOATS : dtype === 'int32' ? WHOLES : TRUTHS);
/** Every number meets many others, itself and special ones. */
function partners(numbers: Numbers): Numbers {
  const shifted = numbers.map((_, i) => numbers[(i * 7919 + 13) % numbers.length]!);
  shifted.set(numbers.subarray(0, 4), 0);
  return shifted;
}

/** How many units in the last place of a float32 a number is off. */
function unitsOff(got: number, expected: number): number {
  const rounded = Math.fround(expected);
  if (Object.is(got, rounded) || got === rounded || (Number.isNaN(got) && Number.isNaN(rounded))) return 0;
  if (!Number.isFinite(got) && Math.abs(expected) >= 3.4028234663852886e38 && Math.sign(got) === Math.sign(expected)) return 1;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(expected))), -126);
  return Math.abs(got - expected) / 2 ** (exponent - 23);
}

async function computed(op: OpName, dtype: Dtype, operands: readonly Numbers[], dtypes: readonly Dtype[], attrs: Compute['attrs']): Promise<Numbers> {
  const shape = [operands[0]!.length];
  const expression: Expression = { kind: 'compute', op, dtype, attrs, operands: operands.map((_, i) => wholeLoad(i, shape, dtypes[i]!)) };
  const to = dtype === 'float32' ? new Float32Array(shape[0]!) : new Int32Array(shape[0]!);
  const memory = new Map<number, Numbers>([...operands.entries(), [9, to]]);
  return (await runKernel(mapKernel(op, shape, [{ expression, to: { root: 9, offset: 0, strides: [1] } }]), memory, nextWay())).get(9)!;
}

describe.skipIf(nativeSupport() !== undefined)('operations on vectors', () => {
  it('are all promised something', () => {
    expect(Object.keys(operations).filter((op) => op !== 'Select').sort()).toEqual(Object.keys(PROMISES).sort());
  });

  for (const [op, promises] of Object.entries(PROMISES) as [OpName, readonly Promised[]][]) {
    const written = promises.map(({ within = 0, attrs = {}, from = 'float32', to = 'float32', of }) => ({ within, attrs, from, to, of }));
    it.each(written)(`${op} of $from to $to within $within units`, async ({ of, within, attrs, from, to }) => {
      const [a, b] = [inputs(from), partners(inputs(from))];
      const operands = of.length > 1 ? [a, b] : [a];
      const got = await computed(op, to, operands, operands.map(() => from), attrs);
      const off = Array.from(got, (number, i) => ({ number, of: operands.map((operand) => operand[i]!), units: unitsOff(number, of(...operands.map((operand) => operand[i]!))) }));
      off.sort((x, y) => (Number.isNaN(y.units) ? 1 : 0) - (Number.isNaN(x.units) ? 1 : 0) || y.units - x.units);
      expect(off.filter(({ units }) => !(units <= within)).slice(0, 5)).toEqual([]);
    });
  }

  it('Select takes the one or the other, also of whole numbers', async () => {
    for (const dtype of ['float32', 'int32'] as const) {
      const [a, b] = [inputs(dtype).slice(0, 70), partners(inputs(dtype)).slice(0, 70)];
      expect(await computed('Select', dtype, [TRUTHS, a, b], ['bool', dtype, dtype], {})).toEqual(a.map((number, i) => (TRUTHS[i] ? number : b[i]!)));
    }
  });
});
