/** What a rewrite of the graph is. */
import type { Graph } from '../ir';

export interface PassResult {
  readonly graph: Graph;
  /** How often the pattern was found and rewritten. */
  readonly hits: number;
}

/** A pure function from graph to graph that computes the same outputs. */
export interface Pass {
  readonly name: string;
  run(graph: Graph): PassResult;
}
