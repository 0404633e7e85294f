/** From a program to the graph that is run: trace, then every pass in turn. */
import type { Program } from '../engine';
import type { Graph } from './ir';
import type { Device } from './device';
import { passesFor } from './passes/all';
import { trace } from './trace';
import { SPLIT_UPDATES, splitUpdates, type SplitStep } from './updates/split-updates';

export interface CompileOptions {
  /** Names of passes to leave out; `split-updates` is one, though it comes after all others and not for every program. */
  readonly disabledPasses?: readonly string[];
  /** Constants whose products are computed in int8. */
  readonly int8?: readonly string[];
  /** What the graph is for; default: the CPU. */
  readonly device?: Device;
  /** Elements of state from which on a program's updates are divided from it. */
  readonly leastUpdated?: number;
}

export interface PassReport {
  readonly name: string;
  readonly hits: number;
  /** The graph after the pass. */
  readonly graph: Graph;
}

export interface CompilationReport {
  readonly traced: Graph;
  readonly graph: Graph;
  readonly passes: readonly PassReport[];
  /** On the CPU, where enough state is updated: the graph once more, divided. */
  readonly split?: SplitStep;
}

/** Of state: less is copied more quickly than a run of its own is begun for each step. */
const LEAST_UPDATED = 2 ** 18;

/** @throws Error for a pass name that does not exist. */
export function optimise(traced: Graph, options: CompileOptions = {}): CompilationReport {
  const device = options.device ?? 'cpu';
  const passes = passesFor(device, options.int8);
  const disabled = new Set(options.disabledPasses ?? []);
  const names = [...passes.map(({ name }) => name), SPLIT_UPDATES];
  const unknown = [...disabled].find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`There is no pass "${unknown}"; the passes are ${names.join(', ')}.`);
  let graph = traced;
  const reports: PassReport[] = [];
  for (const pass of passes) {
    if (disabled.has(pass.name)) continue;
    const result = pass.run(graph);
    reports.push({ name: pass.name, ...result });
    ({ graph } = result);
  }
  const split = device === 'cpu' && !disabled.has(SPLIT_UPDATES) ? splitUpdates(graph, options.leastUpdated ?? LEAST_UPDATED) : undefined;
  return { traced, graph, passes: reports, ...(split && { split }) };
}

export function compile(program: Program, options: CompileOptions = {}): CompilationReport {
  return optimise(trace(program), { ...options, ...(program.int8 && { int8: program.int8 }) });
}
