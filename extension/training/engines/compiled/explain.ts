/** Shows what the compiler makes of a program: the graph as text, what each pass did, and what it will need of memory. */
import type { Program } from '../engine';
import type { CompileOptions } from './compile';
import { compile } from './compile';
import type { Graph, Node, Value, ValueId } from './ir';
import { valueOf } from './ir';
import type { SplitStep } from './updates/split-updates';

const bytesPerElement: Readonly<Record<Value['dtype'], number>> = { float32: 4, int32: 4, bool: 1, int8: 1 };
/** Constants up to this many elements are printed as numbers. */
const printedElements = 4;

function bytes({ shape, dtype }: Value): number {
  return shape.reduce((product, size) => product * size, bytesPerElement[dtype]);
}

function megabytes(count: number): string {
  return `${(count / 2 ** 20).toFixed(1)} MB`;
}

class Printer {
  private readonly inputNames: ReadonlyMap<ValueId, string>;

  constructor(private readonly graph: Graph) {
    this.inputNames = new Map(graph.inputs.map(({ value, kind, name }) => [value, `${kind}:${name}`]));
  }

  name(id: ValueId): string {
    const input = this.inputNames.get(id);
    if (input !== undefined) return input;
    const { data, name, shape } = valueOf(this.graph, id);
    if (!data) return `%${id}`;
    if (name !== undefined) return `constant:${name}`;
    return data.length <= printedElements ? `[${[...data].map((x) => Number(x.toPrecision(6))).join(', ')}]` : `constant%${id}[${shape.join(', ')}]`;
  }

  line(node: Node): string {
    const made = node.outputs.map((id) => `%${id} ${valueOf(this.graph, id).dtype}[${valueOf(this.graph, id).shape.join(', ')}]`).join(', ');
    const attributes = Object.entries(node.attrs).filter(([, value]) => value !== false).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
    return `${made} = ${node.op}(${node.inputs.map((id) => this.name(id)).join(', ')})${attributes.join('')}`;
  }
}

/** One line a node, then one an output. Golden text in tests. */
export function printGraph(graph: Graph): string {
  const printer = new Printer(graph);
  const outputs = graph.outputs.map(({ kind, name, value }) => `${kind}:${name} <- ${printer.name(value)}`);
  return [...graph.nodes.map((node) => printer.line(node)), ...outputs].join('\n');
}

/** Nodes by operation, most frequent first. */
export function countOperations(graph: Graph): [string, number][] {
  const counts = new Map<string, number>();
  for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
}

export interface MemoryEstimate {
  readonly constants: number;
  readonly state: number;
  /** Most bytes of intermediate values alive at once, if each is freed after its last reader. */
  readonly peakActivations: number;
}

export function estimateMemory(graph: Graph): MemoryEstimate {
  const lastUse = new Map<ValueId, number>();
  graph.nodes.forEach((node, position) => node.inputs.forEach((id) => lastUse.set(id, position)));
  for (const { value } of graph.outputs) lastUse.set(value, graph.nodes.length);
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  let alive = 0;
  let peakActivations = 0;
  graph.nodes.forEach((node, position) => {
    for (const id of node.outputs) alive += bytes(valueOf(graph, id));
    peakActivations = Math.max(peakActivations, alive);
    const ended = new Set([...node.inputs, ...node.outputs].filter((id) => made.has(id) && (lastUse.get(id) ?? position) === position));
    for (const id of ended) alive -= bytes(valueOf(graph, id));
  });
  const total = (values: readonly Value[]): number => values.reduce((sum, value) => sum + bytes(value), 0);
  return {
    constants: total([...graph.values.values()].filter(({ data }) => data)),
    state: total(graph.inputs.filter(({ kind }) => kind === 'state').map(({ value }) => valueOf(graph, value))),
    peakActivations,
  };
}

export interface ExplainOptions extends CompileOptions {
  /** `none`: summary only. `final`: also the graph that is run. `all`: also the traced graph and that after each pass. */
  readonly graphs?: 'none' | 'final' | 'all';
}

function counted(graph: Graph): string {
  return countOperations(graph).map(([op, count]) => `${op} ${count}`).join(', ');
}

function toldSplit({ step, updates }: SplitStep): string {
  const elements = updates.reduce((sum, { length, writes }) => sum + length * writes.length, 0);
  return `Of these ${step.nodes.length} in ONNX Runtime; the others update ${megabytes(4 * elements)} of state in place`;
}

/** What `mim explain` prints. Compiles the program; no session is made. */
export function explainProgram(program: Program, options: ExplainOptions = {}): string {
  const { graphs = 'none' } = options;
  const { traced, graph, passes, split } = compile(program, options);
  const section = (title: string, shown: Graph): string[] => ['', `== ${title} ==`, printGraph(shown)];
  const memory = estimateMemory(graph);
  let before = traced.nodes.length;
  const steps = passes.map(({ name, hits, graph: after }) => {
    const line = `  ${name.padEnd(20)} ${String(hits).padStart(5)} rewrites  ${String(before).padStart(5)} -> ${String(after.nodes.length).padStart(5)} nodes`;
    before = after.nodes.length;
    return line;
  });
  return [
    `Program "${program.name}"`,
    `Traced: ${traced.nodes.length} nodes: ${counted(traced)}`,
    'Passes:',
    ...steps,
    `Run: ${graph.nodes.length} nodes: ${counted(graph)}`,
    ...(split ? [toldSplit(split)] : []),
    `Memory: constants ${megabytes(memory.constants)}, state ${megabytes(memory.state)}, activations at most ${megabytes(memory.peakActivations)}`,
    ...(graphs === 'all' ? section('traced', traced) : []),
    ...(graphs === 'all' ? passes.flatMap(({ name, graph: after }) => section(`after ${name}`, after)) : []),
    ...(graphs === 'final' ? section('graph', graph) : []),
    '',
  ].join('\n');
}
