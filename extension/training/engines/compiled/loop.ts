/**
 * A program's graph as the body of one ONNX Loop: each iteration is a step, takes its batch from stacked inputs, and
 * hands the state it writes to the next. How many steps is decided at each run. The steps compute exactly what single
 * runs would; what is saved is copying the state out of and into ONNX Runtime between them.
 *
 * Names in the model, where `x` is a name of the program:
 * `steps`; `batch_all:x` [steps, …]; `state:x` for state that is only read; `initial:x` and `final:x` for state that
 * is written; `reading_all:x` [steps, …].
 */
import type { TensorSpec } from '../../../core/tensors';
import type { Graph, GraphInput, GraphOutput, Value, ValueId } from './ir';
import { valueOf } from './ir';
import { Lowering } from './lowering';
import { OnnxGraph } from './onnx-writer';

/** What a session must be fed and what it returns. */
export interface LoopModel {
  readonly onnx: OnnxGraph;
  /** State that is read and not written. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Batch inputs that the graph uses. */
  readonly batch: readonly string[];
  readonly readings: Readonly<Record<string, TensorSpec>>;
}

interface Interface {
  readonly carried: readonly { readonly input: GraphInput; readonly output: GraphOutput }[];
  readonly reads: readonly GraphInput[];
  readonly batch: readonly GraphInput[];
  readonly readings: readonly GraphOutput[];
}

function interfaceOf(graph: Graph): Interface {
  const used = new Set([...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs.map(({ value }) => value)]);
  const written = new Map(graph.outputs.filter(({ kind }) => kind === 'state').map((output) => [output.name, output]));
  const state = graph.inputs.filter(({ kind }) => kind === 'state');
  return {
    carried: state.flatMap((input) => {
      const output = written.get(input.name);
      return output ? [{ input, output }] : [];
    }),
    reads: state.filter((input) => !written.has(input.name) && used.has(input.value)),
    batch: graph.inputs.filter((input) => input.kind === 'batch' && used.has(input.value)),
    readings: graph.outputs.filter(({ kind }) => kind === 'reading'),
  };
}

/** The name under which the body returns an output; values that already have a name are copied to a new one. */
function returned(body: Lowering, taken: Set<ValueId>, output: GraphOutput, name: string): void {
  const made = !taken.has(output.value) && !body.value(output.value).data;
  if (made) body.bind(output.value, name);
  taken.add(output.value);
}

function lowerBody(graph: Graph, { carried, reads, batch, readings }: Interface): OnnxGraph {
  const body = new Lowering(graph);
  const { onnx } = body;
  const typed = (id: ValueId): Value => valueOf(graph, id);
  onnx.input('iteration', 'int64', []);
  onnx.input('go_on', 'bool', []);
  for (const { input } of carried) {
    body.bind(input.value, `state:${input.name}`);
    onnx.input(`state:${input.name}`, typed(input.value).dtype, typed(input.value).shape);
  }
  for (const input of reads) body.bind(input.value, `state:${input.name}`);
  for (const input of batch) {
    body.bind(input.value, `batch:${input.name}`);
    body.emit('Gather', [`batch_all:${input.name}`, 'iteration'], [`batch:${input.name}`], { axis: 0 });
  }

  const results = [
    ...carried.map(({ output }) => ({ output, name: `new:${output.name}` })),
    ...readings.map((output) => ({ output, name: `reading:${output.name}` })),
  ];
  const taken = new Set(graph.inputs.map(({ value }) => value));
  for (const { output, name } of results) returned(body, taken, output, name);
  for (const node of graph.nodes) body.lower(node);

  body.emit('Identity', ['go_on'], ['still_go_on']);
  onnx.output('still_go_on', 'bool', []);
  for (const { output, name } of results) {
    const own = body.name(output.value);
    if (own !== name) body.emit('Identity', [own], [name]);
    onnx.output(name, typed(output.value).dtype, typed(output.value).shape);
  }
  return onnx;
}

export function loopModel(graph: Graph): LoopModel {
  const parts = interfaceOf(graph);
  const { carried, reads, batch, readings } = parts;
  const onnx = new OnnxGraph('steps');
  const typed = (id: ValueId): Value => valueOf(graph, id);
  onnx.input('steps', 'int64', []);
  for (const { name, value } of batch) onnx.input(`batch_all:${name}`, typed(value).dtype, ['steps_axis', ...typed(value).shape]);
  for (const { name, value } of reads) onnx.input(`state:${name}`, typed(value).dtype, typed(value).shape);
  for (const { input } of carried) onnx.input(`initial:${input.name}`, typed(input.value).dtype, typed(input.value).shape);
  onnx.initializer('true', 'bool', [], Uint8Array.of(1));
  onnx.node(
    'Loop',
    ['steps', 'true', ...carried.map(({ input }) => `initial:${input.name}`)],
    [...carried.map(({ output }) => `final:${output.name}`), ...readings.map(({ name }) => `reading_all:${name}`)],
    { body: lowerBody(graph, parts) },
  );
  for (const { output } of carried) onnx.output(`final:${output.name}`, typed(output.value).dtype, typed(output.value).shape);
  for (const { name, value } of readings) onnx.output(`reading_all:${name}`, typed(value).dtype, ['steps_axis', ...typed(value).shape]);
  return {
    onnx,
    reads: reads.map(({ name }) => name),
    writes: carried.map(({ output }) => output.name),
    batch: batch.map(({ name }) => name),
    readings: Object.fromEntries(readings.map(({ name, value }) => [name, specOfValue(typed(value))])),
  };
}

function specOfValue({ shape, dtype }: Value): TensorSpec {
  return { shape, dtype: dtype === 'float32' ? 'float32' : 'int32' };
}
