/**
 * The body of a WGSL kernel that computes elements from elements: expressions over the graph's operations, each value either read from
 * its buffer or computed in place from what it is made of. So a chain of elementwise operations, turns and slices is one kernel and
 * one pass over memory. Equal expressions are written once.
 */
import type { Dtype, Graph, Node, NodeOf, OpName, Value, ValueId } from '../compiled/ir';
import { scalarOf, valueOf } from '../compiled/ir';

/** Where an element stands in a value: by its flat index or by coordinates, whichever is known. */
export interface Place {
  readonly flat?: string;
  readonly coords?: readonly string[];
}

const wgslTypes: Readonly<Record<Dtype, string>> = { float32: 'f32', int32: 'i32', bool: 'bool', int8: 'i32' };

/** Of a buffer's elements: booleans are kept as numbers. */
export function storedType(dtype: Dtype): string {
  return dtype === 'bool' ? 'u32' : wgslTypes[dtype];
}

export function stored(expression: string, dtype: Dtype): string {
  return dtype === 'bool' ? `select(0u, 1u, ${expression})` : expression;
}

/** A number as WGSL writes it; undefined for what it has no literal for. */
function literal(number: number, dtype: Dtype): string | undefined {
  if (dtype === 'bool') return number ? 'true' : 'false';
  if (dtype !== 'float32') return `i32(${number})`;
  if (!Number.isFinite(number)) return undefined;
  return `f32(${Number.isInteger(number) ? number.toFixed(1) : String(number)})`;
}

export interface Producers {
  readonly graph: Graph;
  readonly producers: ReadonlyMap<ValueId, Node>;
  /** Values that have a buffer. */
  readonly inMemory: ReadonlySet<ValueId>;
}

type Emit<Op extends OpName> = (body: Body, node: NodeOf<Op>, place: Place, output: number) => string;

export interface BodyOptions {
  /** Values that are computed here although they have memory. */
  readonly computed?: readonly ValueId[];
  /** Names that stand for a value's element; it is read at its own place only. */
  readonly given?: ReadonlyMap<ValueId, string>;
  /** Number of the first binding. */
  readonly firstBinding?: number;
}

export class Body {
  private lines: string[] = [];
  private names = new Map<string, string>();
  private readonly bindings = new Map<ValueId, string>();
  private count = 0;

  constructor(
    private readonly source: Producers,
    private readonly options: BodyOptions = {},
  ) {}

  value(id: ValueId): Value {
    return valueOf(this.source.graph, id);
  }

  /** Buffers read, in the order of their bindings. */
  get reads(): ValueId[] {
    return [...this.bindings.keys()];
  }

  get text(): string {
    return this.lines.join('\n');
  }

  statement(line: string): void {
    this.lines.push(line);
  }

  /** A name for an expression; the same for the same expression. */
  let(expression: string): string {
    if (/^(\w+|-?\d+u)$/.test(expression)) return expression;
    const known = this.names.get(expression);
    if (known !== undefined) return known;
    const name = `t${this.count++}`;
    this.names.set(expression, name);
    this.lines.push(`let ${name} = ${expression};`);
    return name;
  }

  /** Statements that `write` makes, apart: what is named in them is not known after them. */
  block(write: () => void): string {
    const [lines, names] = [this.lines, this.names];
    this.lines = [];
    this.names = new Map(names);
    write();
    const text = this.lines.join('\n');
    [this.lines, this.names] = [lines, names];
    return text;
  }

  flat(place: Place, shape: readonly number[]): string {
    if (place.flat !== undefined) return place.flat;
    let index = '0u';
    place.coords!.forEach((coord, axis) => {
      if (shape[axis] === 1) return;
      index = index === '0u' ? coord : this.let(`${index} * ${shape[axis]}u + ${coord}`);
    });
    return index;
  }

  coords(place: Place, shape: readonly number[]): string[] {
    if (place.coords) return [...place.coords];
    const coords: string[] = [];
    let rest = place.flat!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis]!;
      const outermost = shape.slice(0, axis).every((before) => before === 1);
      if (size === 1) coords.unshift('0u');
      else if (outermost) coords.unshift(rest);
      else {
        coords.unshift(this.let(`${rest} % ${size}u`));
        rest = this.let(`${rest} / ${size}u`);
      }
    }
    return coords;
  }

  /** The name of the element of a value at a place. */
  read(id: ValueId, place: Place): string {
    const value = this.value(id);
    const number = scalarOf(value);
    const written = number === undefined ? undefined : literal(number, value.dtype);
    if (written !== undefined) return written;
    if (!this.options.computed?.includes(id) && this.source.inMemory.has(id)) return this.load(id, value.shape.length === 0 ? { flat: '0u' } : place);
    const given = this.options.given?.get(id);
    if (given !== undefined) return given;
    const node = this.source.producers.get(id);
    if (!node) throw new Error(`Value %${id} is neither in memory nor computed.`);
    const rule = emitters[node.op] as Emit<OpName> | undefined;
    if (!rule) throw new Error(`${node.op} is not computed element by element.`);
    return this.let(rule(this, node, place, node.outputs.indexOf(id)));
  }

  private load(id: ValueId, place: Place): string {
    const { shape, dtype } = this.value(id);
    const binding = this.bindings.get(id) ?? `b${(this.options.firstBinding ?? 0) + this.bindings.size}`;
    this.bindings.set(id, binding);
    const element = `${binding}[${this.flat(place, shape)}]`;
    return this.let(dtype === 'bool' ? `${element} != 0u` : element);
  }

  /** An operand at the place that a broadcast result's element stands at. */
  broadcast(id: ValueId, place: Place, shape: readonly number[]): string {
    const own = this.value(id).shape;
    if (own.length === shape.length && own.every((size, axis) => size === shape[axis])) return this.read(id, place);
    const coords = this.coords(place, shape).slice(shape.length - own.length);
    return this.read(id, { coords: coords.map((coord, axis) => (own[axis] === 1 ? '0u' : coord)) });
  }
}

type UnaryOp = 'Neg' | 'Abs' | 'Exp' | 'Log' | 'Log1p' | 'Erf' | 'Sqrt' | 'Rsqrt' | 'Square' | 'Reciprocal' | 'Sigmoid' | 'Tanh' | 'Relu' | 'Softplus' | 'Sign' | 'Sin' | 'Cos' | 'Floor' | 'Ceil' | 'Round' | 'LogicalNot' | 'IsFinite';

const unary = (write: (x: string) => string): Emit<UnaryOp> => (body, node, place) => write(body.read(node.inputs[0]!, place));

type BinaryOp = 'Add' | 'Sub' | 'Mul' | 'Div' | 'Pow' | 'Maximum' | 'Minimum' | 'SquaredDifference' | 'Equal' | 'NotEqual' | 'Greater' | 'GreaterEqual' | 'Less' | 'LessEqual' | 'LogicalAnd' | 'LogicalOr';

function binary(write: (a: string, b: string) => string): Emit<BinaryOp> {
  return (body, node, place) => {
    const { shape } = body.value(node.outputs[0]!);
    const [a, b] = node.inputs as [ValueId, ValueId];
    return write(body.broadcast(a, place, shape), body.broadcast(b, place, shape));
  };
}

const infix = (sign: string): Emit<BinaryOp> => binary((a, b) => `(${a} ${sign} ${b})`);

function converted(x: string, from: Dtype, to: Dtype): string {
  if (from === to) return x;
  if (to === 'bool') return from === 'float32' ? `(${x} != 0.0)` : `(${x} != 0i)`;
  const zero = to === 'float32' ? ['0.0', '1.0'] : ['0i', '1i'];
  return from === 'bool' ? `select(${zero[0]}, ${zero[1]}, ${x})` : `${wgslTypes[to]}(${x})`;
}

/** The part of a split or slice: coordinates moved. */
function moved(body: Body, id: ValueId, place: Place, shape: readonly number[], begin: readonly number[]): string {
  const coords = body.coords(place, shape).map((coord, axis) => (begin[axis] ? body.let(`${coord} + ${begin[axis]}u`) : coord));
  return body.read(id, { coords });
}

const pad: Emit<'Pad'> = (body, { inputs: [x], outputs: [y], attrs }, place) => {
  const { shape, dtype } = body.value(x!);
  const coords = body.coords(place, body.value(y!).shape);
  const inside: string[] = [];
  const from = coords.map((coord, axis) => {
    const [before, after] = attrs.paddings[axis]!;
    if (before + after === 0) return coord;
    // Below zero wraps around to a large number, so that one comparison sees both sides.
    const own = body.let(`${coord} - ${before}u`);
    inside.push(`${own} < ${shape[axis]}u`);
    return body.let(`min(${own}, ${shape[axis]! - 1}u)`);
  });
  const read = body.read(x!, { coords: from });
  return inside.length === 0 ? read : `select(${literal(attrs.value, dtype)}, ${read}, ${inside.map((test) => `(${test})`).join(' && ')})`;
};

const stridedSlice: Emit<'StridedSlice'> = (body, { inputs: [x], outputs: [y], attrs }, place) => {
  const coords = body.coords(place, body.value(y!).shape).map((coord, axis) => body.let(`u32(${attrs.begin[axis]} + i32(${coord}) * (${attrs.strides[axis]}))`));
  return body.read(x!, { coords });
};

const gather: Emit<'Gather'> = (body, { inputs, outputs: [y], attrs: { axis } }, place) => {
  const [x, indices] = inputs as [ValueId, ValueId];
  const [source, at] = [body.value(x), body.value(indices)];
  const coords = body.coords(place, body.value(y!).shape);
  const row = body.read(indices, { coords: coords.slice(axis, axis + at.shape.length) });
  const index = body.let(`u32(clamp(${row}, 0i, ${source.shape[axis]! - 1}i))`);
  return body.read(x, { coords: [...coords.slice(0, axis), index, ...coords.slice(axis + at.shape.length)] });
};

const tile: Emit<'Tile'> = (body, { inputs: [x], outputs: [y] }, place) => {
  const { shape } = body.value(x!);
  const sizes = body.value(y!).shape;
  const coords = body.coords(place, sizes).map((coord, axis) => (shape[axis] === 1 ? '0u' : shape[axis] === sizes[axis] ? coord : body.let(`${coord} % ${shape[axis]}u`)));
  return body.read(x!, { coords });
};

/** Operations whose elements are computed where they are read. */
export const emitters: { readonly [Op in OpName]?: Emit<Op> } = {
  Neg: unary((x) => `(-${x})`), Abs: unary((x) => `abs(${x})`), Exp: unary((x) => `exp(${x})`), Log: unary((x) => `log(${x})`),
  Log1p: unary((x) => `log(1.0 + ${x})`), Erf: unary((x) => `erf_(${x})`), Sqrt: unary((x) => `sqrt(${x})`), Rsqrt: unary((x) => `(1.0 / sqrt(${x}))`),
  Square: unary((x) => `(${x} * ${x})`), Reciprocal: unary((x) => `(1.0 / ${x})`), Sigmoid: unary((x) => `(1.0 / (1.0 + exp(-${x})))`),
  Tanh: unary((x) => `tanh(clamp(${x}, -15.0, 15.0))`), Relu: unary((x) => `max(${x}, 0.0)`), Softplus: unary((x) => `(max(${x}, 0.0) + log(1.0 + exp(-abs(${x}))))`),
  Sign: unary((x) => `sign(${x})`), Sin: unary((x) => `turned_(${x}, 0)`), Cos: unary((x) => `turned_(${x}, 1)`), Floor: unary((x) => `floor(${x})`),
  Ceil: unary((x) => `ceil(${x})`), Round: unary((x) => `round(${x})`), LogicalNot: unary((x) => `!${x}`),
  // By its bits: a compiler may suppose that a comparison of numbers meets no other.
  IsFinite: unary((x) => `((bitcast<u32>(${x}) & 0x7f800000u) != 0x7f800000u)`),
  Step: (body, { inputs, attrs }, place) => `select(${literal(attrs.alpha, 'float32')}, 1.0, ${body.read(inputs[0]!, place)} > 0.0)`,
  Clip: (body, { inputs, attrs }, place) => {
    const { dtype } = body.value(inputs[0]!);
    const [low, high] = [literal(attrs.min, dtype), literal(attrs.max, dtype)];
    const above = low === undefined ? body.read(inputs[0]!, place) : `max(${body.read(inputs[0]!, place)}, ${low})`;
    return high === undefined ? above : `min(${above}, ${high})`;
  },
  Cast: (body, { inputs, attrs }, place) => converted(body.read(inputs[0]!, place), body.value(inputs[0]!).dtype, attrs.dtype),
  Add: infix('+'), Sub: infix('-'), Mul: infix('*'), Div: infix('/'), Pow: binary((a, b) => `pow_(${a}, ${b})`),
  Maximum: binary((a, b) => `max(${a}, ${b})`), Minimum: binary((a, b) => `min(${a}, ${b})`),
  SquaredDifference: binary((a, b) => `((${a} - ${b}) * (${a} - ${b}))`),
  Equal: infix('=='), NotEqual: infix('!='), Greater: infix('>'), GreaterEqual: infix('>='), Less: infix('<'), LessEqual: infix('<='),
  LogicalAnd: infix('&&'), LogicalOr: infix('||'),
  Select: (body, { inputs, outputs }, place) => {
    const { shape } = body.value(outputs[0]!);
    const [condition, then, otherwise] = inputs.map((id) => body.broadcast(id, place, shape));
    return `select(${otherwise}, ${then}, ${condition})`;
  },
  Reshape: (body, { inputs, outputs }, place) => body.read(inputs[0]!, { flat: body.flat(place, body.value(outputs[0]!).shape) }),
  Transpose: (body, { inputs, outputs, attrs }, place) => {
    const coords = body.coords(place, body.value(outputs[0]!).shape);
    const from: string[] = [];
    attrs.perm.forEach((axis, to) => (from[axis] = coords[to]!));
    return body.read(inputs[0]!, { coords: from });
  },
  Split: (body, { inputs, outputs, attrs }, place, output) => {
    const { shape } = body.value(outputs[output]!);
    const begin = shape.map((_, axis) => (axis === attrs.axis ? attrs.sizes.slice(0, output).reduce((sum, size) => sum + size, 0) : 0));
    return moved(body, inputs[0]!, place, shape, begin);
  },
  Slice: (body, { inputs, outputs, attrs }, place) => moved(body, inputs[0]!, place, body.value(outputs[0]!).shape, attrs.begin),
  StridedSlice: stridedSlice, Pad: pad, Tile: tile, Gather: gather,
  Reverse: (body, { inputs, outputs, attrs }, place) => {
    const { shape } = body.value(outputs[0]!);
    const coords = body.coords(place, shape).map((coord, axis) => (attrs.axes.includes(axis) ? body.let(`${shape[axis]! - 1}u - ${coord}`) : coord));
    return body.read(inputs[0]!, { coords });
  },
  OneHot: (body, { inputs, outputs, attrs }, place) => {
    const coords = body.coords(place, body.value(outputs[0]!).shape);
    const hit = `${body.read(inputs[0]!, { coords: coords.slice(0, -1) })} == i32(${coords.at(-1)})`;
    return `select(${literal(attrs.off, attrs.dtype)}, ${literal(attrs.on, attrs.dtype)}, ${hit})`;
  },
};

/** Operations that only say where an element comes from. */
export const layoutOps: ReadonlySet<OpName> = new Set<OpName>(['Reshape', 'Transpose', 'Split', 'Slice', 'StridedSlice', 'Tile', 'Reverse']);

/**
 * Functions that WGSL lacks, or promises too few digits of. erf by Abramowitz and Stegun 7.1.26, off by 1.5·10⁻⁷ at most; powers of
 * negative numbers by whole exponents; sine and cosine, which Vulkan grants an error of 2⁻¹¹, by the polynomials of Cephes' sinf
 * within a quarter of a turn.
 */
const functions: Readonly<Record<string, string>> = {
  erf_: `fn erf_(x: f32) -> f32 {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let y = 1.0 - (((((1.061405429 * t - 1.453152027) * t) + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * exp(-a * a);
  return sign(x) * y;
}`,
  turned_: `fn turned_(x: f32, quarter: i32) -> f32 {
  let k = round(x * 0.63661975);
  let r = ((x - k * 1.5703125) - k * 0.00048375129) - k * 7.5497895e-8;
  let z = r * r;
  let sine = r + r * z * (-0.16666655 + z * (0.0083321609 + z * -0.00019515296));
  let cosine = 1.0 - 0.5 * z + z * z * (0.041666646 + z * (-0.0013887316 + z * 0.000024433157));
  let place = (i32(k) + quarter) & 3;
  let half_turn = select(sine, cosine, (place & 1) == 1);
  return select(half_turn, -half_turn, place >= 2);
}`,
  pow_: `fn pow_(x: f32, y: f32) -> f32 {
  let power = pow(abs(x), y);
  return select(power, select(-power, power, fract(y * 0.5) == 0.0), x < 0.0);
}`,
};

/** Declarations of what a body reads. */
export function bindingsOf(body: Body, first = 0): string[] {
  return body.reads.map((id, i) => `@group(0) @binding(${first + i}) var<storage, read> b${first + i}: array<${storedType(body.value(id).dtype)}>;`);
}

/** Those of the functions that a text calls. */
export function functionsIn(text: string): string[] {
  return Object.entries(functions).filter(([name]) => text.includes(`${name}(`)).map(([, definition]) => definition);
}

/** Kernel text around a body: bindings, helper functions, the entry point. */
export function kernelText(body: Body, parts: { readonly outputs: readonly Dtype[]; readonly workgroup: number; readonly shared?: string; readonly main: string }): string {
  const { reads } = body;
  const inputs = bindingsOf(body);
  const outputs = parts.outputs.map((dtype, i) => `@group(0) @binding(${reads.length + i}) var<storage, read_write> out${i}: array<${storedType(dtype)}>;`);
  const used = functionsIn(parts.main);
  const entry = `@compute @workgroup_size(${parts.workgroup})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
${parts.main}
}`;
  return [...inputs, ...outputs, parts.shared ?? '', ...used, entry].join('\n');
}
