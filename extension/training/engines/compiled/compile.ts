/** From a program to the graph that is run: trace, then every pass in turn. */
import type { Program } from '../engine';
import type { Graph } from './ir';
import type { Device } from './device';
import { passesFor } from './passes/all';
import { trace } from './trace';

export interface CompileOptions {
  /** Names of passes to leave out. */
  readonly disabledPasses?: readonly string[];
  /** Constants whose products are computed in int8. */
  readonly int8?: readonly string[];
  /** What the graph is for; default: the CPU. */
  readonly device?: Device;
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
}

/** @throws Error for a pass name that does not exist. */
export function optimise(traced: Graph, options: CompileOptions = {}): CompilationReport {
  const passes = passesFor(options.device ?? 'cpu', options.int8);
  const disabled = new Set(options.disabledPasses ?? []);
  const unknown = [...disabled].find((name) => !passes.some((pass) => pass.name === name));
  if (unknown !== undefined) throw new Error(`There is no pass "${unknown}"; the passes are ${passes.map(({ name }) => name).join(', ')}.`);
  let graph = traced;
  const reports: PassReport[] = [];
  for (const pass of passes) {
    if (disabled.has(pass.name)) continue;
    const result = pass.run(graph);
    reports.push({ name: pass.name, ...result });
    ({ graph } = result);
  }
  return { traced, graph, passes: reports };
}

export function compile(program: Program, options: CompileOptions = {}): CompilationReport {
  return optimise(trace(program), { ...options, ...(program.int8 && { int8: program.int8 }) });
}
