/** What may be done with a batch that does not fit into memory. */
import type { ResolvedExperiment } from './schema';

const MOST_DOUBLINGS = 4;

/** Doublings of `optimizer.accumulate` that divide the batch. Statistics over a whole batch would become those of a part. */
export function smallerPasses({ optimizer: { batch_size: batch, accumulate }, method, alignment }: ResolvedExperiment): number[] {
  if (method === 'maskalign' && alignment.target_norm === 'bn') return [];
  return Array.from({ length: MOST_DOUBLINGS }, (_, doubling) => accumulate * 2 ** (doubling + 1)).filter((passes) => batch % passes === 0);
}
