/** Expressions in vector registers: each part is computed once, and its register is free when nothing reads it any more. */
import type { Zmm } from './assembler';
import type { Expression } from './expression';
import { writeOperation } from './vector-operations';
import type { VectorWriter } from './vector-writer';

/** How often each part is read. */
function usesOf(expressions: readonly Expression[]): Map<Expression, number> {
  const uses = new Map<Expression, number>();
  const count = (part: Expression): void => {
    const before = uses.get(part) ?? 0;
    uses.set(part, before + 1);
    if (before === 0 && part.kind === 'compute') part.operands.forEach(count);
  };
  expressions.forEach(count);
  return uses;
}

/** Computes expressions, whose registers `use` is given; all are released after it. */
export function writeValues(writer: VectorWriter, expressions: readonly Expression[], tail: boolean, use: (registers: readonly Zmm[]) => void): void {
  const uses = usesOf(expressions);
  const known = new Map<Expression, Zmm>();
  const value = (part: Expression): Zmm => {
    const found = known.get(part);
    if (found !== undefined) return found;
    const operands = part.kind === 'compute' ? part.operands.map(value) : [];
    const made = writer.take();
    known.set(part, made);
    if (part.kind === 'load') writer.load(made, part, tail);
    else if (part.kind === 'number') writer.fill(made, part.dtype === 'float32' ? writer.float(part.number) : writer.int(part.number));
    else {
      writeOperation(writer, made, operands, part);
      for (const operand of new Set(part.operands)) {
        const left = uses.get(operand)! - part.operands.filter((one) => one === operand).length;
        uses.set(operand, left);
        if (left === 0) writer.release(known.get(operand)!);
      }
    }
    return made;
  };
  const registers = expressions.map(value);
  use(registers);
  writer.release(...new Set(registers));
}
