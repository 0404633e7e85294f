/** Problems as a terminal shows them: where, what, the line with a caret, and what would be right. */
import type { Problem } from '../problems';

const TAB_WIDTH = 4;
/** Of a longer line only what surrounds the problem is shown. */
const MAX_LINE = 120;
const CONTEXT = 40;

/** ANSI: the code that begins a style, and the one that ends it. */
const styles = { bold: [1, 22], dim: [2, 22], red: [31, 39], yellow: [33, 39], cyan: [36, 39] } as const;

type Paint = (style: keyof typeof styles, text: string) => string;

const plain: Paint = (_style, text) => text;
const colored: Paint = (style, text) => `\u001b[${styles[style][0]}m${text}\u001b[${styles[style][1]}m`;

/** One block a problem, a blank line between. */
export function formatProblems(problems: readonly Problem[], { color = false }: { readonly color?: boolean } = {}): string {
  const paint = color ? colored : plain;
  return problems.map((problem) => formatProblem(problem, paint)).join('\n\n');
}

function formatProblem(problem: Problem, paint: Paint): string {
  const { file, range, severity } = problem;
  const place = [file, range?.start.line, range?.start.column].filter((part) => part !== undefined).join(':');
  const label = paint(severity === 'error' ? 'red' : 'yellow', `${severity} ${problem.code}`);
  const lines = [`${place && `${paint('bold', place)}: `}${label}: ${problem.message}`, ...sourceLines(problem, paint)];
  if (problem.hint) lines.push(`  ${paint('cyan', 'hint:')} ${problem.hint}`);
  return lines.join('\n');
}

/** The line of the problem, and under it carets as far as the range goes on that line. */
function sourceLines({ range, sourceLine = '' }: Problem, paint: Paint): string[] {
  if (!range || sourceLine.trim() === '') return [];
  const start = range.start.column - 1;
  const end = range.end.line === range.start.line ? range.end.column - 1 : sourceLine.length;
  const from = sourceLine.length > MAX_LINE ? Math.max(0, start - CONTEXT) : 0;
  const to = from + MAX_LINE;

  const shown = `${from > 0 ? '…' : ''}${expandTabs(sourceLine.slice(from, to))}${to < sourceLine.length ? '…' : ''}`;
  const indent = (from > 0 ? 1 : 0) + expandTabs(sourceLine.slice(from, start)).length;
  const marked = expandTabs(sourceLine.slice(start, Math.min(end, to))).trimEnd().length;
  const number = String(range.start.line);
  return [
    `  ${paint('dim', `${number} |`)} ${shown}`,
    `  ${paint('dim', `${' '.repeat(number.length)} |`)} ${' '.repeat(indent)}${paint('red', '^'.repeat(Math.max(1, marked)))}`,
  ];
}

function expandTabs(text: string): string {
  return text.replaceAll('\t', ' '.repeat(TAB_WIDTH));
}
