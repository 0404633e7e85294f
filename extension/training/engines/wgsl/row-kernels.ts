/** Softmax and LayerNorm: a workgroup a row of the last axis, which it reads once and keeps in registers. */
import { elementCount } from '../../../core/tensors';
import type { Dtype, NodeOf, ValueId } from '../compiled/ir';
import { Body, kernelText, type Producers } from './body';
import { groupIndex, manyGroups, type Kernel } from './kernel';

function lanesFor(width: number): number {
  return width <= 256 ? 32 : width <= 1024 ? 64 : 256;
}

/** `target` becomes what the lanes' values of `source` come to. */
function reduced(target: string, source: string, combine: (a: string, b: string) => string, lanes: number): string {
  return `shared_[lane] = ${source};
workgroupBarrier();
for (var width = ${lanes / 2}u; width > 0u; width >>= 1u) {
if (lane < width) { shared_[lane] = ${combine('shared_[lane]', 'shared_[lane + width]')}; }
workgroupBarrier();
}
let ${target} = shared_[0];
workgroupBarrier();`;
}

const add = (a: string, b: string): string => `${a} + ${b}`;
const larger = (a: string, b: string): string => `max(${a}, ${b})`;

/** Opens a body in which `x_` holds the lane's elements of row `row`, `k` counting them at column `c`. */
function rowBody(source: Producers, x: ValueId, lanes: number, beyond: string): { body: Body; rows: number; width: number; each: (line: string) => string } {
  const body = new Body(source);
  const { shape } = body.value(x);
  const width = shape.at(-1)!;
  const rows = elementCount(shape) / width;
  const each = (line: string): string => `for (var k = 0u; k < ${Math.ceil(width / lanes)}u; k++) {\nlet c = k * ${lanes}u + lane;\nif (c < ${width}u) {\n${line}\n}\n}`;
  body.statement(`let row = ${groupIndex};\nif (row >= ${rows}u) { return; }\nvar x_: array<f32, ${Math.ceil(width / lanes)}>;`);
  const outer = body.coords({ flat: 'row' }, shape.slice(0, -1));
  const load = body.block(() => body.statement(`x_[k] = ${body.read(x, { coords: [...outer, 'c'] })};`));
  body.statement(`for (var k = 0u; k < ${Math.ceil(width / lanes)}u; k++) { x_[k] = ${beyond}; }`);
  body.statement(each(load));
  return { body, rows, width, each };
}

function rowKernel(name: string, body: Body, outputs: readonly Dtype[], lanes: number, rows: number, writes: readonly ValueId[]): Kernel {
  return { name, code: kernelText(body, { outputs, workgroup: lanes, shared: `var<workgroup> shared_: array<f32, ${lanes}>;`, main: body.text }), reads: body.reads, writes, groups: manyGroups(rows) };
}

/** @throws Error for another axis than the last */
export function softmaxKernel(source: Producers, node: NodeOf<'Softmax'>): Kernel {
  const [x] = node.inputs as [ValueId];
  const { shape } = source.graph.values.get(x)!;
  if (node.attrs.axis !== shape.length - 1) throw new Error('Softmax is known over the last axis only.');
  const lanes = lanesFor(shape.at(-1)!);
  const { body, rows, width, each } = rowBody(source, x, lanes, 'f32(-3.4028234e38)');
  body.statement(`var most = f32(-3.4028234e38);\n${each('most = max(most, x_[k]);')}\n${reduced('peak', 'most', larger, lanes)}`);
  body.statement(`var sum = 0.0;\n${each('x_[k] = exp(x_[k] - peak);\nsum += x_[k];')}\n${reduced('total', 'sum', add, lanes)}`);
  body.statement(each(`out0[row * ${width}u + c] = x_[k] / total;`));
  return rowKernel('Softmax', body, ['float32'], lanes, rows, node.outputs);
}

export function layerNormKernel(source: Producers, node: NodeOf<'LayerNorm'>): Kernel {
  const [x, gamma, beta] = node.inputs as [ValueId, ValueId, ValueId | undefined];
  const lanes = lanesFor(source.graph.values.get(x)!.shape.at(-1)!);
  const { body, rows, width, each } = rowBody(source, x, lanes, '0.0');
  body.statement(`var sum = 0.0;\n${each('sum += x_[k];')}\n${reduced('total', 'sum', add, lanes)}\nlet mean = total / ${width}.0;`);
  body.statement(`var squares = 0.0;\n${each('let d = x_[k] - mean;\nsquares += d * d;')}\n${reduced('variance', 'squares', add, lanes)}\nlet scale = 1.0 / sqrt(variance / ${width}.0 + f32(${node.attrs.eps}));`);
  const write = body.block(() => {
    const column = { flat: 'c' };
    const scaled = `(x_[k] - mean) * scale * ${body.read(gamma, column)}`;
    body.statement(`out0[row * ${width}u + c] = ${beta === undefined ? scaled : `${scaled} + ${body.read(beta, column)}`};`);
  });
  body.statement(each(write));
  if (node.attrs.outputs === 3) body.statement('if (lane == 0u) { out1[row] = mean; out2[row] = scale; }');
  return rowKernel('LayerNorm', body, node.outputs.map((): Dtype => 'float32'), lanes, rows, node.outputs);
}
