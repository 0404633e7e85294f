/**
 * One step of a program as nodes of an ONNX graph, and what a session of it must be fed and returns. How the batch reaches the step
 * differs: loop.ts takes it from stacked inputs, single-step.ts as it comes.
 */
import type { TensorSpec } from '../../../core/tensors';
import type { Graph, GraphInput, GraphOutput, Value, ValueId } from './ir';
import { valueOf } from './ir';
import type { Lowering } from './lowering';
import type { OnnxGraph } from './onnx-writer';

/** What a session must be fed and what it returns. */
export interface SessionInterface {
  /** State that is read and not written. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Batch inputs that the graph uses. */
  readonly batch: readonly string[];
  readonly readings: Readonly<Record<string, TensorSpec>>;
}

export interface StepModel extends SessionInterface {
  readonly onnx: OnnxGraph;
}

export interface StepParts {
  readonly carried: readonly { readonly input: GraphInput; readonly output: GraphOutput }[];
  readonly reads: readonly GraphInput[];
  readonly batch: readonly GraphInput[];
  readonly readings: readonly GraphOutput[];
}

export function partsOf(graph: Graph): StepParts {
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

/** The name under which the step returns an output; values that already have a name are copied to a new one. */
function returned(body: Lowering, taken: Set<ValueId>, output: GraphOutput, name: string): void {
  const made = !taken.has(output.value) && !body.value(output.value).data;
  if (made) body.bind(output.value, name);
  taken.add(output.value);
}

export function sessionInterface(graph: Graph, { carried, reads, batch, readings }: StepParts): SessionInterface {
  return {
    reads: reads.map(({ name }) => name),
    writes: carried.map(({ output }) => output.name),
    batch: batch.map(({ name }) => name),
    readings: Object.fromEntries(readings.map(({ name, value }) => [name, specOfValue(valueOf(graph, value))])),
  };
}

function specOfValue({ shape, dtype }: Value): TensorSpec {
  return { shape, dtype: dtype === 'float32' ? 'float32' : 'int32' };
}

/**
 * Adds the step's nodes, which read `state:x` and `batch:x`, and its outputs: `new:x` for state that is written, then `reading:x`.
 * Declaring inputs, and making `batch:x`, is the caller's.
 */
export function lowerStep(body: Lowering, { carried, reads, batch, readings }: StepParts): void {
  const { graph, onnx } = body;
  for (const { input } of carried) body.bind(input.value, `state:${input.name}`);
  for (const input of reads) body.bind(input.value, `state:${input.name}`);
  for (const input of batch) body.bind(input.value, `batch:${input.name}`);

  const results = [
    ...carried.map(({ output }) => ({ output, name: `new:${output.name}` })),
    ...readings.map((output) => ({ output, name: `reading:${output.name}` })),
  ];
  const taken = new Set(graph.inputs.map(({ value }) => value));
  for (const { output, name } of results) returned(body, taken, output, name);
  for (const node of graph.nodes) body.lower(node);
  for (const { output, name } of results) {
    const own = body.name(output.value);
    if (own !== name) body.emit('Identity', [own], [name]);
    const { dtype, shape } = body.value(output.value);
    onnx.output(name, dtype, shape);
  }
}
