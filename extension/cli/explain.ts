/** What the compiler makes of the programs of an experiment, for people and for scripts. */
import type { LoadedExperiment } from '../core/config/load';
import { compile } from '../training/engines/compiled/compile';
import { countOperations, estimateMemory, explainProgram, type MemoryEstimate } from '../training/engines/compiled/explain';
import type { FetchOptions } from '../core/hub/fetch-weights';
import type { Program } from '../training/engines/engine';
import { prepare } from '../training/prepare';
import { trainingPrograms } from '../training/step';

export type ShownGraphs = 'none' | 'final' | 'all';

export interface ProgramFigures {
  readonly name: string;
  readonly tracedNodes: number;
  readonly nodes: number;
  readonly passes: readonly { readonly name: string; readonly hits: number; readonly nodesAfter: number }[];
  /** Nodes of the final graph by operation, most frequent first. */
  readonly operations: Readonly<Record<string, number>>;
  /** Bytes. */
  readonly memory: MemoryEstimate;
}

/** Every program that training would compile. */
export async function programsOf(loaded: LoadedExperiment, file: string, fetching: FetchOptions): Promise<Program[]> {
  const { method, experiment } = await prepare(loaded.resolved, { ...loaded, file }, fetching);
  const { single, accumulate, update } = trainingPrograms(method, experiment);
  return [single, accumulate, update].filter((program) => program !== undefined);
}

export function explainText(programs: readonly Program[], graphs: ShownGraphs): string {
  return programs.map((program) => explainProgram(program, { graphs })).join('\n').trimEnd();
}

export function explainFigures(programs: readonly Program[]): ProgramFigures[] {
  return programs.map((program) => {
    const { traced, graph, passes } = compile(program);
    return {
      name: program.name,
      tracedNodes: traced.nodes.length,
      nodes: graph.nodes.length,
      passes: passes.map(({ name, hits, graph: after }) => ({ name, hits, nodesAfter: after.nodes.length })),
      operations: Object.fromEntries(countOperations(graph)),
      memory: estimateMemory(graph),
    };
  });
}
