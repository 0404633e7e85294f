/** The filter of the runs table: a filtrex expression over columns, such as `masking.ratio > 0.5 and linear > 0.4`. */
import { compileExpression } from 'filtrex';
import type { CompareColumn, Scalar } from '../protocol/dashboard';

export interface RunFilter<Row> {
  /** Whether a row stays. A row that lacks a value the expression needs goes. */
  keeps(row: Row): boolean;
  /** Why the filter does not work, as a sentence; it then keeps every row. */
  readonly problem?: string;
}

const PREFIXES = ['', 'config:', 'probe:'];

/** @param valueOf a row's value of a column */
export function runFilter<Row>(expression: string, columns: readonly CompareColumn[], valueOf: (column: CompareColumn, row: Row) => Scalar): RunFilter<Row> {
  if (expression.trim() === '') return { keeps: () => true };
  const unknown = new Set<string>();
  const columnNamed = (name: string): CompareColumn | undefined => PREFIXES.map((prefix) => columns.find((column) => column.name === `${prefix}${name}`)).find((column) => column !== undefined);
  try {
    const evaluate = compileExpression(expression, {
      constants: { true: true, false: false },
      customProp: (name: string, _get: (name: string) => unknown, row: unknown) => {
        const column = columnNamed(name);
        if (column === undefined) unknown.add(name);
        return column && valueOf(column, row as Row);
      },
    }) as (row: Row) => unknown;
    return {
      keeps: (row) => {
        const result = evaluate(row);
        return unknown.size > 0 || (!(result instanceof Error) && Boolean(result));
      },
      get problem() {
        const [name] = unknown;
        return name === undefined ? undefined : `There is no column \`${name}\`. Text is written in double quotes: state == "running".`;
      },
    };
  } catch (error) {
    return { keeps: () => true, problem: parseProblem(error) };
  }
}

/** filtrex shows the place over several lines; the first says what is wrong. */
function parseProblem(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return `The filter is not an expression: ${text.split('\n')[0]!.replace(/:$/, '')}. Try \`loss < 0.5 and state == "finished"\`.`;
}
