/** Tags of several runs at once: what all have can be changed for all, what only some have is left to them. */
import type { LibraryRun } from '../../core/library/library-run';

export function commonTags(runs: readonly Pick<LibraryRun, 'marks'>[]): string[] {
  const [first, ...others] = runs;
  return (first?.marks.tags ?? []).filter((tag) => others.every(({ marks }) => marks.tags.includes(tag)));
}

/** A run's tags once the common ones have become `wanted`. */
export function retagged(tags: readonly string[], common: readonly string[], wanted: readonly string[]): string[] {
  const own = tags.filter((tag) => !common.includes(tag));
  return [...new Set([...own, ...wanted])];
}
