/** What the compiler makes of the programs of an experiment, for people and for scripts. */
import { needsGpu } from '../core/config/engine-traits';
import type { LoadedExperiment } from '../core/config/load';
import type { EngineConfig } from '../core/config/schema';
import { compile } from '../training/engines/compiled/compile';
import type { Device } from '../training/engines/compiled/device';
import { countOperations, estimateMemory, explainProgram, type MemoryEstimate } from '../training/engines/compiled/explain';
import type { FetchOptions } from '../core/hub/fetch-weights';
import type { Program } from '../training/engines/engine';
import { nativeSupport } from '../training/engines/native/native-support';
import { prepare } from '../training/prepare';
import { trainingPrograms } from '../training/step';

export type ShownGraphs = 'none' | 'final' | 'all';

/** Engines for which a graph is made, and what the passes call them. */
const devices = { native: 'native', 'compiled-cpu': 'cpu', 'compiled-webgpu': 'webgpu', wgsl: 'wgsl' } as const satisfies Partial<Record<EngineConfig['kind'], Device>>;
export type CompilingEngine = keyof typeof devices;

export interface ProgramFigures {
  readonly name: string;
  readonly engine: CompilingEngine;
  readonly tracedNodes: number;
  readonly nodes: number;
  readonly passes: readonly { readonly name: string; readonly hits: number; readonly nodesAfter: number }[];
  /** Nodes of the final graph by operation, most frequent first. */
  readonly operations: Readonly<Record<string, number>>;
  /** Bytes. */
  readonly memory: MemoryEstimate;
}

/** For which engine an experiment's programs are compiled: nothing is opened to learn what `auto` would take, and eager engines show what the compiler would make. */
export function compilingEngine(engine: EngineConfig): CompilingEngine {
  const { kind } = engine;
  if (kind in devices) return kind as CompilingEngine;
  if (kind === 'auto') return needsGpu(engine) ? 'wgsl' : nativeSupport() === undefined ? 'native' : 'compiled-cpu';
  return 'compiled-cpu';
}

/** Every program that training would compile. */
export async function programsOf(loaded: LoadedExperiment, file: string, fetching: FetchOptions): Promise<Program[]> {
  const { method, experiment } = await prepare(loaded.resolved, { ...loaded, file }, fetching);
  const { single, accumulate, update } = trainingPrograms(method, experiment);
  return [single, accumulate, update].filter((program) => program !== undefined);
}

export function explainText(programs: readonly Program[], engine: CompilingEngine, graphs: ShownGraphs): string {
  return [`Compiled for ${engine}`, ...programs.map((program) => explainProgram(program, { graphs, device: devices[engine] }))].join('\n').trimEnd();
}

export function explainFigures(programs: readonly Program[], engine: CompilingEngine): ProgramFigures[] {
  return programs.map((program) => {
    const { traced, graph, passes } = compile(program, { device: devices[engine] });
    return {
      name: program.name,
      engine,
      tracedNodes: traced.nodes.length,
      nodes: graph.nodes.length,
      passes: passes.map(({ name, hits, graph: after }) => ({ name, hits, nodesAfter: after.nodes.length })),
      operations: Object.fromEntries(countOperations(graph)),
      memory: estimateMemory(graph),
    };
  });
}
