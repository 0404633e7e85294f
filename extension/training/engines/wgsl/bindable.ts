/** How large one value may be: a kernel is bound to the whole of it, and a GPU says how many bytes it binds at once. */
import { UserError } from '../../../core/problems';
import type { NamedSpecs } from '../../../core/tensors';
import { elementCount } from '../../../core/tensors';
import { valueOf, type Graph } from '../compiled/ir';
import { gpuFull } from '../gpu-errors';
import type { Plan } from './plan';

/** Every element takes as many on a GPU. */
const BYTES = 4;
const GIB = 2 ** 30;

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(2)} GiB`;
}

/** @throws UserError MIM4015: no smaller batch makes less of what a model brings along */
function tooLarge(name: string, bytes: number, mostBytes: number): UserError {
  return new UserError('MIM4015', `"${name}" takes ${gib(bytes)} of the GPU's memory, where one value may take ${gib(mostBytes)}.`, 'Use `engine: compiled-cpu`, or a smaller model.');
}

/** @throws UserError MIM4015 for values of a state of which one is larger than `mostBytes` */
export function requireBindable(values: NamedSpecs, mostBytes: number): void {
  for (const [name, { shape }] of Object.entries(values)) {
    const bytes = BYTES * elementCount(shape);
    if (bytes > mostBytes) throw tooLarge(name, bytes, mostBytes);
  }
}

/** @throws UserError MIM4012 where kernels read or write more than `mostBytes` at once, MIM4015 where that is a constant */
export function requireRoomForEach(graph: Graph, plan: Plan, mostBytes: number): void {
  for (const id of plan.kernels.flatMap(({ reads, writes }) => [...reads, ...writes])) {
    const value = id < 0 ? undefined : valueOf(graph, id);
    const bytes = value ? BYTES * elementCount(value.shape) : plan.scratch.get(id)!;
    if (bytes <= mostBytes) continue;
    if (value?.data) throw tooLarge(value.name ?? 'constant', bytes, mostBytes);
    const what = value ? `${value.dtype}[${value.shape.join(', ')}]` : 'the sums of a product';
    throw gpuFull(`it compiled "${graph.name}"`, `not enough memory for one value: ${what} takes ${gib(bytes)}, and one may take ${gib(mostBytes)}.`);
  }
}
