/**
 * Kernels that follow each other on the same samples of a batch, and touch nothing of the other samples, become one group: a thread
 * takes some samples through all of them before it takes others. What passes between them stays in the processor's cache, mostly in memory
 * that a thread has for itself, and threads wait for each other once a group.
 */
import { elementCount } from '../../../core/tensors';
import { valueOf, type Graph, type ValueId } from '../compiled/ir';
import type { Kernel } from './kernel';
import type { Axis } from './loops';

export interface Group {
  readonly kernels: readonly Kernel[];
  /** Parts that the work of each of these is divided into; of a single kernel its units. */
  readonly parts: number;
  /** Values that nothing else reads or writes: each thread has room for as many parts of them as it takes at a time. */
  readonly local: ReadonlySet<ValueId>;
}

/** Kernels that are looked at to continue a group; those that cannot are put off, with what depends on them. */
const WINDOW = 48;
const MOST_PUT_OFF = 16;

/** How far a pointer moves from part to part, in elements; undefined where a part is not a stretch of memory of its own. */
export function partStride(kernel: Kernel, pointer: number, parts: number, elements: number): number | undefined {
  const divided = kernel.reach && dividedAxes(kernel.reach.outer, parts);
  if (!divided) return undefined;
  const [leading, within] = divided;
  const stride = (axis: Axis): number => axis.strides[pointer]!;
  for (let i = 0; i + 1 < leading.length; i++) if (stride(leading[i]!) !== stride(leading[i + 1]!) * leading[i + 1]!.size) return undefined;
  const each = stride(leading.at(-1)!);
  const reaches = [...within, ...kernel.reach!.rest].map((axis) => (axis.size - 1) * stride(axis));
  const { offset } = kernel.pointers[pointer]!;
  const lowest = offset + reaches.reduce((sum, reach) => sum + Math.min(0, reach), 0);
  const highest = offset + reaches.reduce((sum, reach) => sum + Math.max(0, reach), 0);
  return each * parts === elements && lowest >= 0 && highest < each ? each : undefined;
}

/** Outer axes of which the first ones count parts, and the others what is in a part; undefined where they do not divide so. */
function dividedAxes(outer: readonly Axis[], parts: number): [leading: Axis[], within: Axis[]] | undefined {
  const leading: Axis[] = [];
  let left = parts;
  for (const [i, axis] of outer.entries()) {
    if (left === 1) return [leading, outer.slice(i)];
    if (left % axis.size === 0) {
      leading.push(axis);
      left /= axis.size;
    } else if (axis.size % left === 0) {
      const each = axis.size / left;
      leading.push({ size: left, strides: axis.strides.map((stride) => each * stride) });
      return [leading, [{ size: each, strides: axis.strides }, ...outer.slice(i + 1)]];
    } else return undefined;
  }
  return left === 1 && leading.length > 0 ? [leading, []] : undefined;
}

/** Of a batch: the first axis of its largest value. */
export function samplesOf(graph: Graph): number {
  const shapes = graph.inputs.filter(({ kind }) => kind === 'batch').map(({ value }) => valueOf(graph, value).shape);
  const largest = shapes.toSorted((a, b) => elementCount(b) - elementCount(a))[0];
  return largest?.[0] ?? 1;
}

interface Chosen {
  readonly before: readonly Kernel[];
  readonly group: readonly Kernel[];
  readonly left: readonly Kernel[];
}

class Scheduler {
  /** Kernels that touch a value at all. */
  private readonly touching = new Map<ValueId, number>();

  constructor(
    private readonly parts: number,
    private readonly elementsOf: (id: ValueId) => number,
    private readonly isShared: (id: ValueId) => boolean,
    kernels: readonly Kernel[],
  ) {
    for (const kernel of kernels) for (const id of touched(kernel)) this.touching.set(id, (this.touching.get(id) ?? 0) + 1);
  }

  /** Whether each part touches only its own part of a value. */
  private isApart(kernel: Kernel, id: ValueId): boolean {
    return kernel.pointers.every(({ root }, pointer) => root !== id || partStride(kernel, pointer, this.parts, this.elementsOf(id)) !== undefined);
  }

  private canBegin(kernel: Kernel): boolean {
    return this.parts > 1 && kernel.units % this.parts === 0 && kernel.reach !== undefined;
  }

  /** What the group writes and this one touches, and the other way round, must be its own parts on both sides. */
  private canFollow(group: readonly Kernel[], kernel: Kernel): boolean {
    if (!this.canBegin(kernel)) return false;
    const isMet = (mine: Kernel, other: Kernel): boolean => mine.writes.every((id) => !touched(other).includes(id) || (this.isApart(mine, id) && this.isApart(other, id)));
    return group.every((one) => isMet(one, kernel) && isMet(kernel, one));
  }

  /** The next group, and kernels that run before it: what is made of weights alone, so that it does not stand between samples. */
  next(rest: readonly Kernel[]): Chosen {
    const [first, ...others] = rest as [Kernel, ...Kernel[]];
    if (!this.canBegin(first)) return { before: [], group: [first], left: others };
    const [before, group, putOff]: [Kernel[], Kernel[], Kernel[]] = [[], [first], []];
    let seen = 0;
    for (const kernel of others.slice(0, WINDOW)) {
      if (putOff.length >= MOST_PUT_OFF) break;
      seen++;
      const waits = !putOff.every((one) => independent(one, kernel));
      if (!waits && this.canFollow(group, kernel)) group.push(kernel);
      else if (!waits && !this.canBegin(kernel) && group.every((one) => independent(one, kernel))) before.push(kernel);
      else putOff.push(kernel);
    }
    return { before, group, left: [...putOff, ...others.slice(seen)] };
  }

  /** Values of a group that only it touches, each part its own. */
  local(group: readonly Kernel[]): Set<ValueId> {
    const counts = new Map<ValueId, number>();
    for (const kernel of group) for (const id of touched(kernel)) counts.set(id, (counts.get(id) ?? 0) + 1);
    const isWritten = (id: ValueId): boolean => group.some(({ writes }) => writes.includes(id));
    return new Set([...counts].filter(([id, count]) => count === this.touching.get(id) && isWritten(id) && !this.isShared(id) && group.every((kernel) => this.isApart(kernel, id))).map(([id]) => id));
  }
}

function touched({ reads, writes }: Kernel): ValueId[] {
  return [...reads, ...writes];
}

/** Whether they may run in either order. */
function independent(one: Kernel, other: Kernel): boolean {
  return !one.writes.some((id) => touched(other).includes(id)) && !other.writes.some((id) => one.reads.includes(id));
}

/**
 * @param parts samples of a batch; 1: no groups
 * @param isShared values that live on after the program, or lie where others look for them
 */
export function schedule(kernels: readonly Kernel[], parts: number, elementsOf: (id: ValueId) => number, isShared: (id: ValueId) => boolean): Group[] {
  const scheduler = new Scheduler(parts, elementsOf, isShared, kernels);
  const groups: Group[] = [];
  const alone = (kernel: Kernel): Group => ({ kernels: [kernel], parts: kernel.units, local: new Set() });
  let left = kernels;
  while (left.length > 0) {
    const { before, group, left: others } = scheduler.next(left);
    groups.push(...before.map(alone), group.length > 1 ? { kernels: group, parts, local: scheduler.local(group) } : alone(group[0]!));
    left = others;
  }
  return groups;
}
