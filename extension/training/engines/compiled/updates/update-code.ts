/** An update as a WebAssembly function: four elements at a time, every operand read once, every value in a register. */
import type { Graph, Node, ValueId } from '../ir';
import { scalarOf, valueOf } from '../ir';
import type { Update } from './split-updates';
import { F32, I32, op, signed, simd, unsigned, V128, vector, type WasmFunction } from './wasm-module';

const LANES_BYTES = 16;

/** Alignment of an access, as the power of two. */
const ALIGNED = 4;

const instructions: Partial<Record<Node['op'], number>> = { Add: simd.add, Sub: simd.sub, Mul: simd.mul, Div: simd.div, Neg: simd.neg, Abs: simd.abs, Sqrt: simd.sqrt };

function float32Bytes(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

/**
 * Parameters: bytes of each array (a multiple of 16), then the scalars. Array i lies `i · slotBytes` bytes into the memory, written
 * ones after those that are read.
 */
export function updateCode(graph: Graph, { nodes, arrays, scalars, writes }: Update, slotBytes: number): WasmFunction {
  const offset = 1 + scalars.length;
  const locals = new Map<ValueId, number>();
  const localOf = (id: ValueId): number => {
    const known = locals.get(id);
    if (known !== undefined) return known;
    const next = offset + 1 + locals.size;
    locals.set(id, next);
    return next;
  };
  const address = (slot: number): number[] => [...unsigned(ALIGNED), ...unsigned(slot * slotBytes)];

  const splats = [
    ...scalars.flatMap(({ value }, i) => [op.get, ...unsigned(1 + i), ...vector(simd.splat), op.set, ...unsigned(localOf(value))]),
    ...constantsOf(graph, nodes).flatMap(([id, value]) => [op.f32Const, ...float32Bytes(value), ...vector(simd.splat), op.set, ...unsigned(localOf(id))]),
  ];
  const loads = arrays.flatMap(({ value }, slot) => [op.get, ...unsigned(offset), ...vector(simd.load), ...address(slot), op.set, ...unsigned(localOf(value))]);
  const computed = nodes.flatMap((node) => [...operation(node, localOf), op.set, ...unsigned(localOf(node.outputs[0]!))]);
  const stores = writes.flatMap(({ value }, i) => [op.get, ...unsigned(offset), op.get, ...unsigned(localOf(value)), ...vector(simd.store), ...address(arrays.length + i)]);
  const next = [op.get, ...unsigned(offset), op.i32Const, ...signed(LANES_BYTES), op.i32Add, op.tee, ...unsigned(offset), op.get, 0, op.i32Less, op.branchIf, 0];
  const body = [...splats, op.loop, op.void, ...loads, ...computed, ...stores, ...next, op.end];
  return { parameters: [I32, ...scalars.map(() => F32)], locals: [I32, ...Array.from(locals, () => V128)], body };
}

/** With one operand, or two; a square is a product. */
function operation({ op: name, inputs, outputs }: Node, localOf: (id: ValueId) => number): number[] {
  const operands = (name === 'Square' ? [inputs[0]!, inputs[0]!] : inputs).flatMap((id) => [op.get, ...unsigned(localOf(id))]);
  const instruction = name === 'Square' ? simd.mul : instructions[name];
  if (instruction === undefined) throw new Error(`Value %${outputs[0]} of an update is made by ${name}.`);
  return [...operands, ...vector(instruction)];
}

function constantsOf(graph: Graph, nodes: readonly Node[]): [ValueId, number][] {
  const read = [...new Set(nodes.flatMap(({ inputs }) => inputs))];
  return read.flatMap((id): [ValueId, number][] => {
    const value = scalarOf(valueOf(graph, id));
    return value === undefined ? [] : [[id, value]];
  });
}
