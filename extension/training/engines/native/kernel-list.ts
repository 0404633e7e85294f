/**
 * The kernels of a plan, in order. What is computed element by element over the same elements becomes one kernel, which reads and computes
 * once what several of its results are made of; results that nothing reads are not written.
 */
import { elementCount } from '../../../core/tensors';
import { sameShape, type ValueId } from '../compiled/ir';
import { isLarge, loadsOf, replaced, type Expression, type View } from './expression';
import type { Kernel } from './kernel';
import { mapKernel, streamsPast, type Stored } from './loop-kernels';
import { LANES } from './vector-writer';

/** A kernel that is not written yet: others may still join it. */
interface Draft {
  readonly name: string;
  readonly shape: readonly number[];
  readonly stored: Stored[];
}

type Entry = Kernel | Draft;

/** Results of a kernel, each of which has a register until all are computed. */
const MOST_RESULTS = 6;
/** Kernels that are looked at for one to join. */
const NEAR = 8;
/** What is read so many kernels later is not in the cache any more. */
const FAR = 48;

const isDraft = (entry: Entry): entry is Draft => 'stored' in entry;
/** Worth being written past the caches, and by whole vectors at places for them. */
function isMuch(shape: readonly number[], { offset, strides }: View): boolean {
  const apart = strides.filter((_, axis) => axis < shape.length - 1 && shape[axis]! > 1);
  return streamsPast(elementCount(shape)) && shape.at(-1)! > 1 && strides.at(-1) === 1 && [offset, ...apart].every((place) => place % LANES === 0);
}

const sameView = (a: View, b: View): boolean => a.root === b.root && a.offset === b.offset && sameShape(a.strides, b.strides);

export interface MapParts extends Stored {
  readonly name: string;
  readonly shape: readonly number[];
}

export class KernelList {
  private readonly entries: Entry[] = [];
  /** Which entry wrote to a value's memory last. */
  private readonly writers = new Map<ValueId, Entry>();

  /** @param samples into whose parts work should be divisible */
  constructor(private readonly samples: number) {}

  push(...kernels: readonly Kernel[]): void {
    for (const kernel of kernels) this.insert(kernel, this.entries.length);
  }

  /** Puts a kernel right behind what makes what it reads, if that is computed at all: it is in the cache there. */
  pushEarly(kernel: Kernel): void {
    const ready = this.readyAt(kernel.reads);
    this.insert(kernel, ready === 0 ? this.entries.length : ready);
  }

  private insert(kernel: Kernel, at: number): void {
    this.entries.splice(at, 0, kernel);
    for (const id of kernel.writes) this.writers.set(id, kernel);
  }

  map(parts: MapParts): void {
    const joined = this.joinable(parts, NEAR);
    if (joined) this.join(joined, parts);
    else {
      const { name, shape, ...stored } = parts;
      const draft: Draft = { name, shape, stored: [stored] };
      this.entries.push(draft);
      this.writers.set(stored.to.root, draft);
    }
  }

  /** Computes it beside what was computed of the same elements, however long ago. @returns whether there is such a kernel */
  mapEarly(parts: MapParts): boolean {
    const joined = this.joinable(parts, this.entries.length);
    if (joined) this.join(joined, parts);
    return joined !== undefined;
  }

  private join({ draft, expression }: { draft: Draft; expression: Expression }, { to }: MapParts): void {
    draft.stored.push({ expression, to });
    this.writers.set(to.root, draft);
  }

  /** Behind the last entry that writes any of these; 0 where none does. */
  private readyAt(reads: readonly ValueId[]): number {
    return reads.reduce((latest, id) => {
      const writer = this.writers.get(id);
      return writer ? Math.max(latest, this.entries.lastIndexOf(writer) + 1) : latest;
    }, 0);
  }

  /** The last draft that reads or makes what this is made of. */
  private joinable({ shape, expression, to }: MapParts, near: number): { draft: Draft; expression: Expression } | undefined {
    const loads = loadsOf([expression]);
    const first = Math.max(this.readyAt([to.root, ...loads.map(({ root }) => root)]) - 1, this.entries.length - near, 0);
    for (let at = this.entries.length - 1; at >= first; at--) {
      const draft = this.entries[at]!;
      if (!isDraft(draft) || !sameShape(draft.shape, shape)) continue;
      const before = draft.stored.map((stored) => stored.expression);
      const made = (load: View): Expression | undefined => draft.stored.find((one) => sameView(one.to, load))?.expression;
      if (loads.some((load) => !made(load) && draft.stored.some((one) => one.to.root === load.root))) continue;
      if (!loads.some((load) => made(load) ?? loadsOf(before).some((other) => sameView(other, load)))) continue;
      const own = replaced(expression, (load) => made(load) ?? loadsOf(before).find((other) => sameView(other, load)) ?? load);
      if (before.length < MOST_RESULTS && !isLarge([...before, own])) return { draft, expression: own };
    }
    return undefined;
  }

  /** @param lasting memory that is read after the last kernel */
  finish(lasting: ReadonlySet<ValueId>): Kernel[] {
    // From the last to the first: how many kernels there are behind what reads a value next.
    const readAt = new Map<ValueId, number>();
    const finished: Kernel[] = [];
    for (const entry of this.entries.toReversed()) {
      const isRead = ({ root }: View): boolean => lasting.has(root) || readAt.has(root);
      const isFar = ({ root }: View): boolean => !lasting.has(root) && finished.length - readAt.get(root)! > FAR;
      const kernel = isDraft(entry) ? this.written(entry, isRead, isFar) : entry;
      if (!kernel) continue;
      for (const id of kernel.reads) readAt.set(id, finished.length);
      finished.push(kernel);
    }
    return finished.reverse();
  }

  private written({ name, shape, stored }: Draft, isRead: (view: View) => boolean, isFar: (view: View) => boolean): Kernel | undefined {
    const needed = stored.filter(({ to }) => isRead(to)).map((one) => ({ ...one, streams: isFar(one.to) && isMuch(shape, one.to) }));
    return needed.length === 0 ? undefined : mapKernel(name, shape, needed, this.samples);
  }
}
