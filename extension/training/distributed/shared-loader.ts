/** A rank's loader makes only its own share of each batch, with the threads that are its own. */
import type { ResolvedExperiment } from '../../core/config/schema';
import type { LoaderOptions } from '../data/loader';
import type { Ranks } from './ranks';
import type { SharedStep } from './shared-step';

export function sharedLoaderOptions({ data, optimizer, seed, derived }: ResolvedExperiment, ranks: Ranks, { share }: SharedStep): LoaderOptions {
  const threads = data.threads || Math.max(1, Math.min(8, Math.floor(ranks.threads / 2)));
  return {
    config: { ...data, threads },
    batchSize: optimizer.batch_size,
    share: { first: share.firstPart * derived.microBatch, count: share.parts * derived.microBatch },
    seed,
  };
}
