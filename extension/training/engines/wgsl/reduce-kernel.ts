/**
 * Sums, means and extremes over axes. What is reduced is computed in place. Where few results come of many elements, the elements are
 * divided into chunks that are reduced beside each other, and a second kernel reduces the chunks; the order is always the same.
 */
import { elementCount } from '../../../core/tensors';
import type { Dtype, NodeOf, ValueId } from '../compiled/ir';
import { Body, kernelText, type Place, type Producers } from './body';
import { groupIndex, manyGroups, type Kernel } from './kernel';

export type ReductionOp = 'Sum' | 'Mean' | 'Max' | 'Min' | 'Prod';

const LANES = 256;
/** Work that fills a large GPU. */
const ENOUGH_GROUPS = 528;
const ENOUGH_THREADS = 65536;

function combine(op: ReductionOp, a: string, b: string): string {
  switch (op) {
    case 'Sum':
    case 'Mean':
      return `${a} + ${b}`;
    case 'Prod':
      return `${a} * ${b}`;
    case 'Max':
      return `max(${a}, ${b})`;
    case 'Min':
      return `min(${a}, ${b})`;
  }
}

function neutral(op: ReductionOp, dtype: Dtype): string {
  if (op === 'Prod') return dtype === 'int32' ? '1i' : '1.0';
  if (op === 'Sum' || op === 'Mean') return dtype === 'int32' ? '0i' : '0.0';
  const sign = op === 'Max' ? '-' : '';
  return dtype === 'int32' ? `i32(${sign}2147483647)` : `f32(${sign}3.4028234e38)`;
}

/** Coordinates of an operand from the flat index of a result (over the axes kept) and of a reduced element. */
function placeOf(body: Body, shape: readonly number[], axes: readonly number[], result: string, element: string): Place {
  const kept = shape.filter((_, axis) => !axes.includes(axis));
  const reduced = shape.filter((_, axis) => axes.includes(axis));
  const outer = body.coords({ flat: result }, kept);
  const inner = body.coords({ flat: element }, reduced);
  return { coords: shape.map((_, axis) => (axes.includes(axis) ? inner.shift()! : outer.shift()!)) };
}

interface Work {
  readonly op: ReductionOp;
  readonly dtype: Dtype;
  readonly results: number;
  readonly elements: number;
  readonly chunks: number;
  /** Factor of the result. */
  readonly scale?: number;
}

/** A workgroup a result and chunk: its lanes take every so many elements and are added up in workgroup memory. */
function byGroups(body: Body, { op, dtype, results, elements, chunks, scale }: Work, read: (result: string, element: string) => string): { main: string; shared: string; workgroup: number; groups: Kernel['groups'] } {
  const lanes = elements / chunks > 64 ? LANES : 32;
  const type = dtype === 'int32' ? 'i32' : 'f32';
  const each = Math.ceil(elements / chunks);
  body.statement(`let g = ${groupIndex};\nif (g >= ${results * chunks}u) { return; }`);
  body.statement(chunks === 1 ? 'let o = g;' : `let o = g % ${results}u;\nlet first = (g / ${results}u) * ${each}u;`);
  const [from, until] = chunks === 1 ? ['lane', `${elements}u`] : ['first + lane', `min(first + ${each}u, ${elements}u)`];
  body.statement(`var total = ${neutral(op, dtype)};`);
  const loop = body.block(() => body.statement(`total = ${combine(op, 'total', read('o', 'r'))};`));
  body.statement(`for (var r = ${from}; r < ${until}; r += ${lanes}u) {\n${loop}\n}`);
  body.statement(`shared_[lane] = total;\nworkgroupBarrier();`);
  body.statement(`for (var width = ${lanes / 2}u; width > 0u; width >>= 1u) {\nif (lane < width) { shared_[lane] = ${combine(op, 'shared_[lane]', 'shared_[lane + width]')}; }\nworkgroupBarrier();\n}`);
  body.statement(`if (lane == 0u) { out0[g] = shared_[0]${scale === undefined ? '' : ` * ${scale}`}; }`);
  return { main: body.text, shared: `var<workgroup> shared_: array<${type}, ${lanes}>;`, workgroup: lanes, groups: manyGroups(results * chunks) };
}

/** A thread a result and chunk, for reductions over outer axes: neighbours read neighbours. */
function byThreads(body: Body, { op, dtype, results, elements, chunks, scale }: Work, read: (result: string, element: string) => string): { main: string; workgroup: number; groups: Kernel['groups'] } {
  const workgroup = 64;
  const each = Math.ceil(elements / chunks);
  body.statement(`let i = ${groupIndex} * ${workgroup}u + lane;\nif (i >= ${results * chunks}u) { return; }`);
  body.statement(chunks === 1 ? 'let o = i;' : `let o = i % ${results}u;\nlet first = (i / ${results}u) * ${each}u;`);
  const [from, until] = chunks === 1 ? ['0u', `${elements}u`] : ['first', `min(first + ${each}u, ${elements}u)`];
  body.statement(`var total = ${neutral(op, dtype)};`);
  const loop = body.block(() => body.statement(`total = ${combine(op, 'total', read('o', 'r'))};`));
  body.statement(`for (var r = ${from}; r < ${until}; r++) {\n${loop}\n}`);
  body.statement(`out0[i] = total${scale === undefined ? '' : ` * ${scale}`};`);
  return { main: body.text, workgroup, groups: manyGroups(Math.ceil((results * chunks) / workgroup)) };
}

/** Chunks [chunks, results] reduced to results. */
function secondKernel(op: ReductionOp, dtype: Dtype, results: number, chunks: number, scratch: ValueId, made: ValueId, scale?: number): Kernel {
  const type = dtype === 'int32' ? 'i32' : 'f32';
  const code = `@group(0) @binding(0) var<storage, read> b0: array<${type}>;
@group(0) @binding(1) var<storage, read_write> out0: array<${type}>;
var<workgroup> shared_: array<${type}, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
let o = ${groupIndex};
if (o >= ${results}u) { return; }
var total = ${neutral(op, dtype)};
for (var c = lane; c < ${chunks}u; c += 64u) { total = ${combine(op, 'total', `b0[c * ${results}u + o]`)}; }
shared_[lane] = total;
workgroupBarrier();
for (var width = 32u; width > 0u; width >>= 1u) {
if (lane < width) { shared_[lane] = ${combine(op, 'shared_[lane]', 'shared_[lane + width]')}; }
workgroupBarrier();
}
if (lane == 0u) { out0[o] = shared_[0]${scale === undefined ? '' : ` * ${scale}`}; }
}`;
  return { name: `${op} of chunks`, code, reads: [scratch], writes: [made], groups: manyGroups(results) };
}

/** @param scratch makes memory for so many numbers */
export function reduceKernels(source: Producers, node: NodeOf<ReductionOp>, scratch: (count: number) => ValueId): Kernel[] {
  const body = new Body(source);
  const [x] = node.inputs as [ValueId];
  const [made] = node.outputs as [ValueId];
  const { shape } = body.value(x);
  const { dtype } = body.value(made);
  const { axes } = node.attrs;
  const elements = axes.reduce((product, axis) => product * shape[axis]!, 1);
  const results = elementCount(shape) / elements;
  const inner = axes.includes(shape.length - 1) || results === 1;
  const wanted = inner ? Math.min(Math.ceil(elements / (LANES * 4)), Math.ceil(ENOUGH_GROUPS / results)) : Math.min(Math.ceil(elements / 16), Math.ceil(ENOUGH_THREADS / results));
  // Without empty chunks: the last one begins before the end.
  const chunks = Math.ceil(elements / Math.ceil(elements / wanted));
  const scale = node.op === 'Mean' ? Math.fround(1 / elements) : undefined;
  const work: Work = { op: node.op, dtype, results, elements, chunks, scale: chunks === 1 ? scale : undefined };
  const read = (result: string, element: string): string => body.read(x, placeOf(body, shape, axes, result, element));
  const { groups, ...text } = (inner ? byGroups : byThreads)(body, work, read);
  const partial = chunks === 1 ? made : scratch(results * chunks);
  const first: Kernel = { name: node.op, code: kernelText(body, { outputs: [dtype], ...text }), reads: body.reads, writes: [partial], groups };
  return chunks === 1 ? [first] : [first, secondKernel(node.op, dtype, results, chunks, partial, made, scale)];
}
