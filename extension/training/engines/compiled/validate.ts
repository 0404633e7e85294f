/** What every graph must satisfy, whichever pass made it. */
import type { Graph, Value } from './ir';
import { sameShape, valueOf } from './ir';
import { inferTypes } from './shapes';

function describe(value: Value): string {
  return `%${value.id} ${value.dtype}[${value.shape.join(', ')}]`;
}

/** @throws Error that names the node: a value made twice or read before it is made, or of a shape its operation does not make. */
export function validate(graph: Graph): void {
  const known = new Set(graph.inputs.map(({ value }) => value));
  for (const value of graph.values.values()) if (value.data) known.add(value.id);
  graph.nodes.forEach((node, position) => {
    const where = `Graph "${graph.name}", node ${position} (${node.op})`;
    for (const id of node.inputs) if (!known.has(id)) throw new Error(`${where} reads %${id} before it is made.`);
    const types = inferTypes(node.op, node.attrs as never, node.inputs.map((id) => valueOf(graph, id)));
    if (types.length !== node.outputs.length) throw new Error(`${where} makes ${node.outputs.length} values, expected ${types.length}.`);
    node.outputs.forEach((id, i) => {
      if (known.has(id)) throw new Error(`${where} makes %${id}, which exists already.`);
      known.add(id);
      const value = valueOf(graph, id);
      const type = types[i]!;
      if (value.dtype !== type.dtype || !sameShape(value.shape, type.shape)) {
        throw new Error(`${where} makes ${describe(value)}, expected ${type.dtype}[${type.shape.join(', ')}].`);
      }
    });
  });
  for (const output of graph.outputs) if (!known.has(output.value)) throw new Error(`Output "${output.name}" of graph "${graph.name}" is never made.`);
}
