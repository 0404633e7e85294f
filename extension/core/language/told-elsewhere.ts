/** Faults of the YAML itself, which an extension for any YAML tells too. */
import type { Problem } from '../problems';

/** Broken YAML, and a key that is given twice. */
const SYNTAX: ReadonlySet<string> = new Set(['MIM1001', 'MIM1008']);

/** What another extension reports, by lines from 0. */
export interface OtherReport {
  readonly source?: string;
  readonly firstLine: number;
  readonly lastLine: number;
}

/** The problems without those that the YAML extension already shows on the same line. What it leaves out, such as a second document, stays. */
export function withoutToldElsewhere(problems: readonly Problem[], others: readonly OtherReport[]): Problem[] {
  const told = others.filter(({ source }) => source?.toLowerCase() === 'yaml');
  return problems.filter(({ code, range }) => {
    if (!SYNTAX.has(code) || !range) return true;
    const [first, last] = [range.start.line - 1, range.end.line - 1];
    return !told.some(({ firstLine, lastLine }) => firstLine <= last && first <= lastLine);
  });
}
