/**
 * Which values share memory: a value's memory is free for others after the last kernel that reads it. Memory is handed out in slots; a
 * slot is as large as the largest value that was ever in it.
 */
import type { ValueId } from '../compiled/ir';
import type { Kernel } from './kernel';

export interface MemoryPlan {
  readonly slotOf: ReadonlyMap<ValueId, number>;
  /** Bytes of each slot. */
  readonly slots: readonly number[];
}

/** A slot is taken by a value down to this share of its size, so that small values do not lie in large ones. */
const LEAST_SHARE = 0.5;

/**
 * @param bytesOf size of what a kernel writes
 * @param lasting values that are needed after the last kernel
 */
export function shareMemory(kernels: readonly Kernel[], bytesOf: (id: ValueId) => number, lasting: ReadonlySet<ValueId>): MemoryPlan {
  const lastRead = new Map<ValueId, number>();
  kernels.forEach(({ reads, writes }, at) => [...reads, ...writes].forEach((id) => lastRead.set(id, at)));
  const slotOf = new Map<ValueId, number>();
  const slots: number[] = [];
  const free = new Set<number>();
  kernels.forEach(({ reads, writes }, at) => {
    // What is written must not lie where the same kernel reads: slots are freed after it.
    for (const id of writes) {
      if (slotOf.has(id)) continue;
      const bytes = bytesOf(id);
      const fitting = [...free].filter((slot) => slots[slot]! >= bytes && bytes >= LEAST_SHARE * slots[slot]!).sort((a, b) => slots[a]! - slots[b]!)[0];
      const slot = fitting ?? slots.push(bytes) - 1;
      free.delete(slot);
      slotOf.set(id, slot);
    }
    for (const id of new Set([...reads, ...writes])) {
      const slot = slotOf.get(id);
      if (slot !== undefined && lastRead.get(id) === at && !lasting.has(id)) free.add(slot);
    }
  });
  return { slotOf, slots };
}
