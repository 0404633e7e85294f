/** What the compiler makes of an experiment's programs, as figures. */
import type { LoadedExperiment } from '../core/config/load';
import { elementCount, type NamedSpecs } from '../core/tensors';
import { compile, type PassReport } from '../training/engines/compiled/compile';
import type { Program } from '../training/engines/engine';
import { prepare } from '../training/prepare';
import { trainingPrograms } from '../training/step';

export interface ExplainedProgram {
  readonly name: string;
  readonly tracedNodes: number;
  readonly nodes: number;
  readonly passes: readonly PassReport[];
  /** Nodes of the final graph by operation, most first. */
  readonly operations: Readonly<Record<string, number>>;
  /** Parameters, moments and whatever else is carried from step to step. */
  readonly stateBytes: number;
  /** Frozen values: the teacher, position tables. */
  readonly constantBytes: number;
}

/** Compiles every program that training would, without running any. */
export async function explainExperiment(loaded: LoadedExperiment, file: string): Promise<ExplainedProgram[]> {
  const { method, experiment } = await prepare(loaded.resolved, { ...loaded, file });
  const { single, accumulate, update } = trainingPrograms(method, experiment);
  return [single, accumulate, update].flatMap((program) => (program === undefined ? [] : [explainProgram(program)]));
}

function explainProgram(program: Program): ExplainedProgram {
  const { traced, graph, passes } = compile(program);
  const counts = new Map<string, number>();
  for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return {
    name: program.name,
    tracedNodes: traced.nodes.length,
    nodes: graph.nodes.length,
    passes,
    operations: Object.fromEntries([...counts].toSorted(([, a], [, b]) => b - a)),
    stateBytes: bytesOf(program.state),
    constantBytes: bytesOf(program.constants),
  };
}

/** Both host types have four bytes an element. */
function bytesOf(specs: NamedSpecs): number {
  return Object.values(specs).reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
}
