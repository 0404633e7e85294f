/** Problems as a terminal shows them: where, what, the line with a caret, and what would be right. */
import { styleText } from 'node:util';
import type { Problem } from '../problems';

export interface FormatOptions {
  readonly color?: boolean;
  /** Texts by file, for the line and caret. */
  readonly sources?: Readonly<Record<string, string>>;
}

const TAB_WIDTH = 4;
const MAX_LINE = 160;

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

/** One block a problem, a blank line between. */
export function formatProblems(problems: readonly Problem[], { color = false, sources = {} }: FormatOptions = {}): string {
  const paint: Paint = color ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
  return problems.map((problem) => formatProblem(problem, paint, sources)).join('\n\n');
}

function formatProblem(problem: Problem, paint: Paint, sources: Readonly<Record<string, string>>): string {
  const { file, range, severity } = problem;
  const place = [file, range?.start.line, range?.start.column].filter((part) => part !== undefined).join(':');
  const label = paint(severity === 'error' ? 'red' : 'yellow', `${severity} ${problem.code}`);
  const lines = [`${place && `${paint('bold', place)}: `}${label}: ${problem.message}`];
  const source = file !== undefined && Object.hasOwn(sources, file) ? sources[file] : undefined;
  if (range && source !== undefined) lines.push(...sourceLines(problem, source, paint));
  if (problem.hint) lines.push(`  ${paint('cyan', 'hint:')} ${problem.hint}`);
  return lines.join('\n');
}

/** The line of the problem, and under it carets as far as the range goes on that line. */
function sourceLines({ range }: Problem, source: string, paint: Paint): string[] {
  if (!range) return [];
  const text = source.split('\n')[range.start.line - 1]?.replace(/\r$/, '');
  if (text === undefined || text.trim() === '') return [];
  const start = range.start.column - 1;
  const end = range.end.line === range.start.line ? range.end.column - 1 : text.length;
  const shown = text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text;
  const before = expandTabs(shown.slice(0, start));
  const marked = expandTabs(shown.slice(start, Math.max(end, start + 1)));
  const number = String(range.start.line);
  const caret = '^'.repeat(Math.max(1, marked.trimEnd().length));
  return [
    `  ${paint('dim', `${number} |`)} ${expandTabs(shown)}`,
    `  ${paint('dim', `${' '.repeat(number.length)} |`)} ${' '.repeat(before.length)}${paint('red', caret)}`,
  ];
}

function expandTabs(text: string): string {
  return text.replaceAll('\t', ' '.repeat(TAB_WIDTH));
}
