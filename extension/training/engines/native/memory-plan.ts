/** Which values share memory: a value's is free for others after the last kernel that reads it. */
import type { ValueId } from '../compiled/ir';
import type { Kernel } from './kernel';

export interface MemoryPlan {
  /** In bytes. */
  readonly offsets: ReadonlyMap<ValueId, number>;
  readonly bytes: number;
}

/** Vectors begin at multiples of this, and may be read so far beyond a value's end. */
const ALIGNMENT = 64;

/** Kernels, or groups of them. */
export type Touching = Pick<Kernel, 'reads' | 'writes' | 'overwrites'>;

interface Block {
  readonly at: number;
  readonly bytes: number;
}

/** Gaps between what is in use, in order. */
class Gaps {
  private blocks: Block[] = [];
  end = 0;

  take(bytes: number): number {
    const fitting = this.blocks.filter((block) => block.bytes >= bytes).sort((a, b) => a.bytes - b.bytes)[0];
    if (fitting) {
      this.blocks = this.blocks.flatMap((block) => (block !== fitting ? [block] : block.bytes > bytes ? [{ at: block.at + bytes, bytes: block.bytes - bytes }] : []));
      return fitting.at;
    }
    const last = this.blocks.at(-1);
    const at = last && last.at + last.bytes === this.end ? last.at : this.end;
    if (at < this.end) this.blocks.pop();
    this.end = at + bytes;
    return at;
  }

  give(block: Block): void {
    const merged: Block[] = [];
    for (const next of [...this.blocks, block].sort((a, b) => a.at - b.at)) {
      const before = merged.at(-1);
      if (before && before.at + before.bytes === next.at) merged[merged.length - 1] = { at: before.at, bytes: before.bytes + next.bytes };
      else merged.push(next);
    }
    this.blocks = merged;
  }
}

/** Bytes that a value of so many elements has. */
export function roomFor(elements: number): number {
  return Math.ceil((4 * elements) / ALIGNMENT + 1) * ALIGNMENT;
}

/**
 * @param elementsOf elements of a value; undefined for those that have memory elsewhere
 * @param lasting values that are read after the last kernel
 */
export function planMemory(kernels: readonly Touching[], elementsOf: (id: ValueId) => number | undefined, lasting: ReadonlySet<ValueId>): MemoryPlan {
  const last = new Map<ValueId, number>();
  kernels.forEach(({ reads, writes }, at) => [...reads, ...writes].forEach((id) => last.set(id, at)));
  const offsets = new Map<ValueId, number>();
  const gaps = new Gaps();
  const ends = (id: ValueId, at: number): boolean => last.get(id) === at && !lasting.has(id);
  kernels.forEach(({ reads, writes, overwrites }, at) => {
    const handed = new Set<ValueId>();
    for (const id of writes) {
      const elements = elementsOf(id);
      if (elements === undefined || offsets.has(id)) continue;
      const inherited = overwrites.find((from) => ends(from, at) && !handed.has(from) && offsets.has(from) && roomFor(elementsOf(from)!) === roomFor(elements));
      if (inherited !== undefined) handed.add(inherited);
      offsets.set(id, inherited === undefined ? gaps.take(roomFor(elements)) : offsets.get(inherited)!);
    }
    for (const id of new Set([...reads, ...writes])) if (ends(id, at) && offsets.has(id) && !handed.has(id)) gaps.give({ at: offsets.get(id)!, bytes: roomFor(elementsOf(id)!) });
  });
  return { offsets, bytes: gaps.end };
}
