/**
 * Matrix products with turned operands become products of operands that are turned beforehand: for WebGPU, whose Gemm is two to three
 * times slower with a turned operand (4 to 6 against 8 to 18 TFLOP/s on an H100), and which has no product of batches that turns.
 *
 *   A·Bᵀ = MatMul(A, Transpose(B)); a constant is turned here; Transpose(Transpose(x, p), q) = Transpose(x, p∘q)
 */
import type { Value, ValueId } from '../ir';
import { allocate } from '../ir';
import type { Pass } from './pass';
import { Rewriter } from './rewriter';

/** The last two axes exchanged. */
function turn(rank: number): number[] {
  const axes = Array.from({ length: rank - 2 }, (_, axis) => axis);
  return [...axes, rank - 1, rank - 2];
}

/** A matrix with its elements exchanged. */
export function turnedConstant({ shape, dtype, data }: Value): { shape: number[]; data: ReturnType<typeof allocate> } {
  const [rows, columns] = shape as [number, number];
  const turned = allocate(dtype, rows * columns);
  for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) turned[column * rows + row] = data![row * columns + column]!;
  return { shape: [columns, rows], data: turned };
}

function turned(rewriter: Rewriter, id: ValueId): ValueId {
  const value = rewriter.value(id);
  const rank = value.shape.length;
  if (value.data && rank === 2) {
    const { shape, data } = turnedConstant(value);
    return rewriter.constant(shape, value.dtype, data);
  }
  const before = rewriter.made(id, 'Transpose');
  const perm = turn(rank).map((axis) => before?.attrs.perm[axis] ?? axis);
  const source = before?.inputs[0] ?? id;
  return perm.every((axis, i) => axis === i) ? rewriter.current(source) : rewriter.add('Transpose', { perm }, [rewriter.current(source)]);
}

/** @param which flags are resolved */
export function turnOperands(which: readonly ('transA' | 'transB')[]): Pass {
  return {
    name: 'turn-operands',
    run(graph) {
      const rewriter = new Rewriter(graph);
      const known = new Map<ValueId, ValueId>();
      const turnedOnce = (id: ValueId): ValueId => {
        const made = known.get(id) ?? turned(rewriter, id);
        known.set(id, made);
        return made;
      };
      for (const node of graph.nodes) {
        if (node.op !== 'MatMul') continue;
        const [turnA, turnB] = (['transA', 'transB'] as const).map((flag) => which.includes(flag) && node.attrs[flag]);
        if (!turnA && !turnB) continue;
        const [a, b] = node.inputs as [ValueId, ValueId];
        const operands = [turnA ? turnedOnce(a) : rewriter.current(a), turnB ? turnedOnce(b) : rewriter.current(b)];
        const attrs = { ...node.attrs, transA: node.attrs.transA && !turnA, transB: node.attrs.transB && !turnB };
        rewriter.replace(node.outputs[0]!, rewriter.add('MatMul', attrs, operands));
      }
      return rewriter.finish();
    },
  };
}
