/** Did-you-mean. */
import { distance } from 'fastest-levenshtein';

const LONGEST_NAME = 64;
/** From so many letters on, the beginning of a name counts as the name: `compiled` → `compiled-cpu`. */
const SHORTEST_PREFIX = 3;

/** `batchSize`, `batch-size` and `Batch_Size` are the same word to a reader. */
function plain(word: string): string {
  return word.replace(/[-_.\s]/g, '').toLowerCase();
}

/** The candidate that `word` was most likely meant to be, if one is near enough to be worth saying. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > LONGEST_NAME) return undefined;
  const wanted = plain(word);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const edits = editsBetween(wanted, plain(candidate));
    if (edits < bestDistance) {
      best = candidate;
      bestDistance = edits;
    }
  }
  return best;
}

/** Infinity where the two are too different to be the same word mistyped. */
function editsBetween(wanted: string, name: string): number {
  if (wanted.length >= SHORTEST_PREFIX && name.startsWith(wanted)) return name === wanted ? 0 : 1;
  const edits = distance(wanted, name);
  return edits <= Math.min(3, Math.max(1, Math.round(name.length * 0.4))) ? edits : Infinity;
}
