/**
 * Matrix products in float32. A workgroup of 128 threads makes a tile of 64×64: it copies 16 columns of A and 16 rows of B at a time
 * into workgroup memory, the next ones while it multiplies (two stages, the reads waiting in registers), and each thread adds up 8×4
 * elements. Where there are too few tiles for the device, K is divided and the parts are added up by a second kernel.
 *
 * On an H100 32 to 33 TFLOP/s whatever the shape, measured; larger tiles reached 38 at one shape and 16 at another.
 */
import { elementCount } from '../../../core/tensors';
import type { Graph, NodeOf, ValueId } from '../compiled/ir';
import { valueOf } from '../compiled/ir';
import { bindingsOf, Body, functionsIn, type Producers } from './body';
import { groupIndex, manyGroups, repeat, type Kernel } from './kernel';
import { fitsUnits, unitsCode, unitsTile, type Product } from './matmul-units-kernel';

const TILE = 64;
const DEPTH = 16;
const THREADS = 128;
const ROWS = 8;
/** Columns of A in workgroup memory lie this far apart, so that threads do not meet in one bank. */
const STRIDE = TILE + 4;
const ENOUGH_TILES = 264;
/** The least of K that is worth a workgroup of its own. */
const LEAST_SHARE = 256;

/**
 * How products of whole matrices are computed; sums are float32. `float16`: of operands rounded to half precision, which any GPU can.
 * `units`: the same on matrix units, where the shapes fit them. Products of batches, attention's, are of float32.
 */
export type Products = 'float32' | 'float16' | 'units';

/** In WGSL: `half_(x)`, the nearest number of half precision. Beyond its range WGSL promises nothing: here it is infinity. */
const HALF = `fn half_(x: f32) -> f32 {
var infinity = 0x7f800000u;
return select(unpack2x16float(pack2x16float(vec2<f32>(x, 0.0))).x, bitcast<f32>(infinity | (bitcast<u32>(x) & 0x80000000u)), abs(x) >= 65520.0);
}
fn half4_(x: vec4<f32>) -> vec4<f32> { return vec4<f32>(half_(x.x), half_(x.y), half_(x.z), half_(x.w)); }`;

/** What follows a product element by element, computed before it is written: a bias, an activation, the residual. */
export interface Epilogue {
  readonly source: Producers;
  /** The product's value. */
  readonly product: ValueId;
  /** What is written instead of it. */
  readonly made: ValueId;
}

interface EpilogueText {
  readonly reads: readonly ValueId[];
  /** Bindings and the function `finish(value, i)`. */
  readonly text: string;
}

function epilogueText(epilogue: Epilogue | undefined, firstBinding: number): EpilogueText {
  if (!epilogue) return { reads: [], text: 'fn finish(value: f32, i: u32) -> f32 { return value; }' };
  const { source, product, made } = epilogue;
  const body = new Body(source, { computed: [made], given: new Map([[product, 'value']]), firstBinding });
  const result = body.read(made, { flat: 'i' });
  return { reads: body.reads, text: [...bindingsOf(body, firstBinding), ...functionsIn(body.text), `fn finish(value: f32, i: u32) -> f32 {\n${body.text}\nreturn ${result};\n}`].join('\n') };
}

interface BatchedProduct extends Product {
  /** Operands are rounded to half precision. */
  readonly rounded: boolean;
  /** Flat offsets of the operands' matrices, by `batch`. */
  readonly offsets: readonly [string, string];
}

/**
 * Four numbers at `row`, `column` (a multiple of 4) of a matrix [rows, columns]; zeros beyond it. Where rows begin at multiples of
 * four, the binding is of vectors.
 */
function loader(name: string, binding: string, rows: number, columns: number, rounded: boolean): { text: string; type: string } {
  const half = rounded ? 'half4_' : '';
  if (columns % 4 === 0) {
    return {
      type: 'vec4<f32>',
      text: `fn ${name}(offset: u32, row: u32, column: u32) -> vec4<f32> {
if (row >= ${rows}u || column >= ${columns}u) { return vec4<f32>(0.0); }
return ${half}(${binding}[(offset + row * ${columns}u + column) / 4u]);
}`,
    };
  }
  const one = (i: number): string => `if (column + ${i}u < ${columns}u) { four[${i}] = ${binding}[at + ${i}u]; }`;
  return {
    type: 'f32',
    text: `fn ${name}(offset: u32, row: u32, column: u32) -> vec4<f32> {
var four = vec4<f32>(0.0);
if (row >= ${rows}u) { return four; }
let at = offset + row * ${columns}u + column;
${[0, 1, 2, 3].map(one).join('\n')}
return ${half}(four);
}`,
  };
}

function code({ m, n, k, transA, alpha, shares, each, rounded, offsets }: BatchedProduct, after: EpilogueText): string {
  const a = transA ? loader('load_a', 'b0', k, m, rounded) : loader('load_a', 'b0', m, k, rounded);
  const b = loader('load_b', 'b1', k, n, rounded);
  const vectors = n % 4 === 0;
  // Of the four numbers: which row and column of the tile they are.
  const fetch = (depth: string): string => repeat(2, (i) => transA
    ? `{ let q = lane + ${i * THREADS}u; a${i} = load_a(offset_a, ${depth} + q / ${TILE / 4}u, row0 + 4u * (q % ${TILE / 4}u)); }`
    : `{ let q = lane + ${i * THREADS}u; a${i} = load_a(offset_a, row0 + q / ${DEPTH / 4}u, ${depth} + 4u * (q % ${DEPTH / 4}u)); }`)
    + repeat(2, (i) => `{ let q = lane + ${i * THREADS}u; r${i} = load_b(offset_b, ${depth} + q / ${TILE / 4}u, column0 + 4u * (q % ${TILE / 4}u)); }`);
  const keep = (stage: string): string => repeat(2, (i) => transA
    ? `{ let q = lane + ${i * THREADS}u; let at = ${stage} * ${DEPTH * STRIDE}u + (q / ${TILE / 4}u) * ${STRIDE}u + 4u * (q % ${TILE / 4}u); ${[0, 1, 2, 3].map((j) => `tile_a[at + ${j}u] = a${i}[${j}];`).join(' ')} }`
    : `{ let q = lane + ${i * THREADS}u; let at = ${stage} * ${DEPTH * STRIDE}u + 4u * (q % ${DEPTH / 4}u) * ${STRIDE}u + q / ${DEPTH / 4}u; ${[0, 1, 2, 3].map((j) => `tile_a[at + ${j * STRIDE}u] = a${i}[${j}];`).join(' ')} }`)
    + repeat(2, (i) => `tile_b[${stage} * ${(DEPTH * TILE) / 4}u + lane + ${i * THREADS}u] = r${i};`);
  const multiply = `for (var d = 0u; d < ${DEPTH}u; d++) {
let right = tile_b[stage * ${(DEPTH * TILE) / 4}u + d * ${TILE / 4}u + tx];
let at = stage * ${DEPTH * STRIDE}u + d * ${STRIDE}u + ty * ${ROWS}u;
${repeat(ROWS, (i) => `c${i} = fma(vec4<f32>(tile_a[at + ${i}u]), right, c${i});`)}
}`;
  const factor = alpha === 1 ? '' : ` * f32(${alpha})`;
  const write = (i: number): string => {
    const at = `out_offset + (row0 + ty * ${ROWS}u + ${i}u) * ${n}u + column`;
    if (vectors) return `if (row0 + ty * ${ROWS}u + ${i}u < ${m}u && column < ${n}u) { let at = ${at}; let c = c${i}${factor}; out0[at / 4u] = vec4<f32>(finish(c.x, at), finish(c.y, at + 1u), finish(c.z, at + 2u), finish(c.w, at + 3u)); }`;
    return `if (row0 + ty * ${ROWS}u + ${i}u < ${m}u) { ${[0, 1, 2, 3].map((j) => `if (column + ${j}u < ${n}u) { out0[${at} + ${j}u] = finish(c${i}[${j}]${factor}, ${at} + ${j}u); }`).join(' ')} }`;
  };
  return `@group(0) @binding(0) var<storage, read> b0: array<${a.type}>;
@group(0) @binding(1) var<storage, read> b1: array<${b.type}>;
@group(0) @binding(${2 + after.reads.length}) var<storage, read_write> out0: array<${vectors ? 'vec4<f32>' : 'f32'}>;
${after.text}
${rounded ? HALF : ''}
var<workgroup> tile_a: array<f32, ${2 * DEPTH * STRIDE}>;
var<workgroup> tile_b: array<vec4<f32>, ${(2 * DEPTH * TILE) / 4}>;
${a.text}
${b.text}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
let tx = lane % ${TILE / 4}u;
let ty = lane / ${TILE / 4}u;
let row0 = group.y * ${TILE}u;
let column0 = group.x * ${TILE}u;
${shares === 1 ? 'let batch = group.z;' : `let batch = group.z / ${shares}u;`}
let offset_a = ${offsets[0]};
let offset_b = ${offsets[1]};
let out_offset = ${shares === 1 ? `batch * ${m * n}u` : `group.z * ${m * n}u`};
let first = ${shares === 1 ? '0u' : `(group.z % ${shares}u) * ${each}u`};
let end = ${shares === 1 ? `${k}u` : `min(first + ${each}u, ${k}u)`};
${repeat(ROWS, (i) => `var c${i} = vec4<f32>(0.0);`)}
var a0: vec4<f32>; var a1: vec4<f32>; var r0: vec4<f32>; var r1: vec4<f32>;
${fetch('first')}
${keep('0u')}
workgroupBarrier();
var stage = 0u;
for (var depth = first + ${DEPTH}u; depth < end + ${DEPTH}u; depth += ${DEPTH}u) {
if (depth < end) {
${fetch('depth')}
}
${multiply}
if (depth < end) {
${keep('(1u - stage)')}
}
stage = 1u - stage;
workgroupBarrier();
}
let column = column0 + 4u * tx;
${repeat(ROWS, write)}
}`;
}

/** Flat offset of an operand's matrix from the flat index of the result's, with broadcasting. */
function batchOffset(result: readonly number[], own: readonly number[], matrix: number): string {
  if (elementCount(own) === 1) return '0u';
  if (elementCount(own) === elementCount(result)) return `batch * ${matrix}u`;
  const padded = [...new Array<number>(result.length - own.length).fill(1), ...own];
  let rest = 'batch';
  let stride = matrix;
  const terms: string[] = [];
  for (let axis = result.length - 1; axis >= 0; axis--) {
    if (padded[axis]! > 1) terms.push(`((${rest}) % ${result[axis]}u) * ${stride}u`);
    stride *= padded[axis]!;
    rest = `(${rest}) / ${result[axis]}u`;
  }
  return terms.join(' + ');
}

function sumOfShares(size: number, shares: number, scratch: ValueId, made: ValueId, after: EpilogueText): Kernel {
  const code = `@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(${1 + after.reads.length}) var<storage, read_write> out0: array<f32>;
${after.text}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
let i = ${groupIndex} * 256u + lane;
if (i >= ${size}u) { return; }
var total = 0.0;
for (var share = 0u; share < ${shares}u; share++) { total += b0[share * ${size}u + i]; }
out0[i] = finish(total, i);
}`;
  return { name: 'MatMul of shares', code, reads: [scratch, ...after.reads], writes: [made], groups: manyGroups(Math.ceil(size / 256)) };
}

/** Multiplications up to which a thread an element is as good: copying tiles would take longer than reading twice. */
const SMALL = 2 ** 18;

function smallKernel({ m, n, k, transA, alpha, rounded, offsets }: BatchedProduct, batches: number, reads: readonly ValueId[], made: ValueId, after: EpilogueText): Kernel {
  const half = rounded ? 'half_' : '';
  const a = transA ? `b0[offset_a + d * ${m}u + row]` : `b0[offset_a + row * ${k}u + d]`;
  const code = `@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read> b1: array<f32>;
@group(0) @binding(${2 + after.reads.length}) var<storage, read_write> out0: array<f32>;
${after.text}
${rounded ? HALF : ''}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
let i = ${groupIndex} * 64u + lane;
if (i >= ${batches * m * n}u) { return; }
let batch = i / ${m * n}u;
let row = (i / ${n}u) % ${m}u;
let column = i % ${n}u;
let offset_a = ${offsets[0]};
let offset_b = ${offsets[1]};
var total = 0.0;
for (var d = 0u; d < ${k}u; d++) { total = fma(${half}(${a}), ${half}(b1[offset_b + d * ${n}u + column]), total); }
out0[i] = finish(total${alpha === 1 ? '' : ` * f32(${alpha})`}, i);
}`;
  return { name: 'MatMul', code, reads: [...reads, ...after.reads], writes: [made], groups: manyGroups(Math.ceil((batches * m * n) / 64)) };
}

/** Whether the product runs on matrix units, which write what they made and nothing else. */
export function onUnits({ graph }: Producers, node: NodeOf<'MatMul'>, products: Products): boolean {
  const { m, n, k, count } = sizesOf(graph, node);
  return products === 'units' && count === 1 && fitsUnits(m, n, k);
}

function sizesOf(graph: Graph, { inputs, outputs: [made] }: NodeOf<'MatMul'>): { m: number; n: number; k: number; batches: readonly number[]; count: number } {
  const { shape } = valueOf(graph, made!);
  const batches = shape.slice(0, -2);
  return { m: shape.at(-2)!, n: shape.at(-1)!, k: valueOf(graph, inputs[1]!).shape.at(-2)!, batches, count: elementCount(batches) };
}

export interface MatMulOptions {
  readonly products: Products;
  readonly epilogue?: Epilogue;
  /** Makes memory for so many numbers. */
  scratch(count: number): ValueId;
}

/** @param operands the values whose memory is read; @throws Error where the second operand is turned */
export function matMulKernels(source: Producers, node: NodeOf<'MatMul'>, operands: readonly [ValueId, ValueId], { products, epilogue, scratch }: MatMulOptions): Kernel[] {
  const { transA, transB, alpha } = node.attrs;
  if (transB) throw new Error('The second operand of a product must not be turned.');
  const { m, n, k, batches, count } = sizesOf(source.graph, node);
  const [a, b] = node.inputs.map((id) => valueOf(source.graph, id).shape.slice(0, -2)) as [number[], number[]];
  const made = epilogue?.made ?? node.outputs[0]!;
  const units = onUnits(source, node, products);
  const tile = units ? unitsTile(n) : { rows: TILE, columns: TILE, depth: DEPTH };
  const tiles = Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * count;
  const wanted = count > 1 ? 1 : Math.max(1, Math.min(Math.floor(k / LEAST_SHARE), Math.floor(ENOUGH_TILES / tiles)));
  const each = Math.ceil(k / wanted / tile.depth) * tile.depth;
  const shares = Math.ceil(k / each);
  const product: BatchedProduct = { m, n, k, transA, alpha, shares, each, rounded: products !== 'float32' && count === 1, offsets: [batchOffset(batches, a, m * k), batchOffset(batches, b, k * n)] };
  if (count * m * n * k <= SMALL) return [smallKernel(product, count, operands, made, epilogueText(epilogue, 2))];
  const target = shares === 1 ? made : scratch(shares * m * n);
  const after = epilogueText(shares === 1 ? epilogue : undefined, 2);
  const first: Kernel = {
    name: units ? 'MatMul on units' : count > 1 ? 'MatMul of batches' : 'MatMul',
    code: units ? unitsCode(product) : code(product, after),
    reads: [...operands, ...after.reads],
    writes: [target],
    groups: [Math.ceil(n / tile.columns), Math.ceil(m / tile.rows), count * shares],
  };
  return shares === 1 ? [first] : [first, sumOfShares(m * n, shares, target, made, epilogueText(epilogue, 1))];
}
