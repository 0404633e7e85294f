/** The step that is explained, and how what is said of it begins and ends. */
import type { Graph } from '../extension/training/engines/compiled/ir';
import { countOperations } from '../extension/training/engines/compiled/explain';
import { lookedCase, stepCase, type StepSize } from './step-case';

export interface Explained {
  readonly size: StepSize;
  readonly name: string;
  readonly steps: number;
  readonly threads: number;
  readonly int8: boolean;
  /** With `teacher.cache`, after the epochs that ask the teacher. */
  readonly cached: boolean;
}

/** 1 in half precision. */
const ONE = 0x3c00;

export function explainedCase({ size, int8, cached }: Explained): ReturnType<typeof stepCase> {
  if (!cached) return stepCase(size, { dtype: int8 ? 'int8' : 'float32' });
  const { program, state, batch, layout } = lookedCase(size);
  const looks = Object.fromEntries(layout.fields.map(({ name, count }) => [name, new Uint16Array(count * size.batch).fill(ONE)]));
  return { program, state, batch: (step) => batch(step, looks) };
}

export function describeGraph({ name, threads }: Explained, graph: Graph): string {
  return `${name}, ${threads} threads: ${graph.nodes.length} operations in our graph (${countOperations(graph).map(([op, count]) => `${op} ${count}`).join(', ')})`;
}

export interface Spent {
  /** Milliseconds, or any other unit. */
  readonly time: number;
  /** What the time is compared with. */
  readonly work: number;
}

export interface Tally extends Spent {
  readonly count: number;
}

/** What items of a kind took together, the most first. */
export function tally(items: Iterable<readonly [kind: string, spent: Spent]>): [kind: string, tally: Tally][] {
  const tallies = new Map<string, Tally>();
  for (const [kind, { time, work }] of items) {
    const known = tallies.get(kind) ?? { count: 0, time: 0, work: 0 };
    tallies.set(kind, { count: known.count + 1, time: known.time + time, work: known.work + work });
  }
  return [...tallies].sort(([, a], [, b]) => b.time - a.time);
}

/** One line: milliseconds a step, their share, how many, of what. */
export function spentLine(milliseconds: number, all: number, count: number, what: string): string {
  return `${milliseconds.toFixed(1).padStart(8)} ms ${((100 * milliseconds) / all).toFixed(1).padStart(5)} % ${count.toFixed(0).padStart(5)} × ${what}`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 2 : 0)} MiB`;
}

export function processMemory(): string {
  return `the process ${mebibytes(process.resourceUsage().maxRSS * 1024)}`;
}
