/** Operations that look along an axis in order: extremes' indices, the largest, running sums, sums by segment. A thread a result. */
import { elementCount } from '../../../core/tensors';
import type { Dtype, NodeOf, ValueId } from '../compiled/ir';
import { Body, kernelText, type Producers } from './body';
import { groupIndex, manyGroups, type Kernel } from './kernel';

const WORKGROUP = 64;

function threadKernel(name: string, body: Body, outputs: readonly Dtype[], threads: number, writes: readonly ValueId[]): Kernel {
  const guard = `let i = ${groupIndex} * ${WORKGROUP}u + lane;\nif (i >= ${threads}u) { return; }`;
  return { name, code: kernelText(body, { outputs, workgroup: WORKGROUP, main: `${guard}\n${body.text}` }), reads: body.reads, writes, groups: manyGroups(Math.ceil(threads / WORKGROUP)) };
}

export function argExtremeKernel(source: Producers, node: NodeOf<'ArgMax' | 'ArgMin'>): Kernel {
  const body = new Body(source);
  const [x] = node.inputs as [ValueId];
  const { shape } = body.value(x);
  const { axis } = node.attrs;
  const outer = body.coords({ flat: 'i' }, shape.filter((_, other) => other !== axis));
  const at = (index: string): string => body.read(x, { coords: [...outer.slice(0, axis), index, ...outer.slice(axis)] });
  body.statement(`var best = ${at('0u')};\nvar found = 0i;`);
  const look = body.block(() => body.statement(`let x = ${at('r')};\nif (x ${node.op === 'ArgMax' ? '>' : '<'} best) { best = x; found = i32(r); }`));
  body.statement(`for (var r = 1u; r < ${shape[axis]}u; r++) {\n${look}\n}\nout0[i] = found;`);
  return threadKernel(node.op, body, ['int32'], elementCount(shape) / shape[axis]!, node.outputs);
}

/** The largest first; of equal ones that which stands first. Each is the largest of those after the one before it. */
export function topKKernel(source: Producers, node: NodeOf<'TopK'>): Kernel {
  const body = new Body(source);
  const [x] = node.inputs as [ValueId];
  const { shape, dtype } = body.value(x);
  const width = shape.at(-1)!;
  const rows = elementCount(shape) / width;
  const { k } = node.attrs;
  const outer = body.coords({ flat: 'i' }, shape.slice(0, -1));
  const type = dtype === 'int32' ? 'i32' : 'f32';
  const look = body.block(() => body.statement(`let x = ${body.read(x, { coords: [...outer, 'r'] })};
let after = j == 0u || x < last || (x == last && i32(r) > place);
if (after && (found < 0i || x > best)) { best = x; found = i32(r); }`));
  body.statement(`var last: ${type};
var place = -1i;
for (var j = 0u; j < ${k}u; j++) {
var best: ${type};
var found = -1i;
for (var r = 0u; r < ${width}u; r++) {
${look}
}
last = best;
place = found;
out0[i * ${k}u + j] = best;
out1[i * ${k}u + j] = found;
}`);
  return threadKernel('TopK', body, [dtype, 'int32'], rows, node.outputs);
}

export function cumSumKernel(source: Producers, node: NodeOf<'CumSum'>): Kernel {
  const body = new Body(source);
  const [x] = node.inputs as [ValueId];
  const { shape, dtype } = body.value(x);
  const { axis, exclusive, reverse } = node.attrs;
  const length = shape[axis]!;
  const outer = body.coords({ flat: 'i' }, shape.filter((_, other) => other !== axis));
  body.statement(`var total = ${dtype === 'int32' ? '0i' : '0.0'};`);
  const step = body.block(() => {
    const coords = [...outer.slice(0, axis), 'r', ...outer.slice(axis)];
    const at = body.flat({ coords }, shape);
    const read = body.read(x, { coords });
    body.statement(exclusive ? `out0[${at}] = total;\ntotal += ${read};` : `total += ${read};\nout0[${at}] = total;`);
  });
  body.statement(`for (var s = 0u; s < ${length}u; s++) {\nlet r = ${reverse ? `${length - 1}u - s` : 's'};\n${step}\n}`);
  return threadKernel('CumSum', body, [dtype], elementCount(shape) / length, node.outputs);
}

export function segmentSumKernel(source: Producers, node: NodeOf<'SegmentSum'>): Kernel {
  const body = new Body(source);
  const [rows, segments] = node.inputs as [ValueId, ValueId];
  const { shape, dtype } = body.value(node.outputs[0]!);
  const [segment, ...rest] = body.coords({ flat: 'i' }, shape);
  body.statement(`var total = ${dtype === 'int32' ? '0i' : '0.0'};`);
  const step = body.block(() => body.statement(`if (${body.read(segments, { coords: ['r'] })} == i32(${segment})) {\n${body.block(() => body.statement(`total += ${body.read(rows, { coords: ['r', ...rest] })};`))}\n}`));
  body.statement(`for (var r = 0u; r < ${body.value(rows).shape[0]}u; r++) {\n${step}\n}\nout0[i] = total;`);
  return threadKernel('SegmentSum', body, [dtype], elementCount(shape), node.outputs);
}
