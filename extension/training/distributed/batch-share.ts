/**
 * Which part of each batch a rank computes.
 *
 * With `optimizer.accumulate: A`, R ranks split a batch into R·A parts of equal size, and rank r does the parts r·A … r·A + A − 1. A
 * part's draws depend on its number alone, so R ranks are one process with `accumulate: R·A`, and so the run is recorded.
 */
import { ConfigError } from '../../core/config/load';
import type { Locator } from '../../core/config/location';
import { ProblemList } from '../../core/config/problem-list';
import type { ResolvedExperiment } from '../../core/config/schema';
import { UserError } from '../../core/problems';

export interface BatchShare {
  /** The first part of the batch that is computed here. */
  readonly firstPart: number;
  /** Parts computed here, one after another. */
  readonly parts: number;
}

/** @param parts of a batch, over all ranks; a multiple of `size` */
export function shareOf(rank: number, size: number, parts: number): BatchShare {
  const own = parts / size;
  return { firstPart: rank * own, parts: own };
}

/**
 * The experiment that `size` ranks train: the batch split by `size` further.
 * @throws ConfigError MIM8103 where the batch cannot be split so
 */
export function splitAmong(experiment: ResolvedExperiment, size: number, { file, locate }: { readonly file: string; readonly locate: Locator }): ResolvedExperiment {
  const { batch_size: batch, accumulate } = experiment.optimizer;
  const parts = accumulate * size;
  if (batch % parts !== 0) {
    const problems = new ProblemList(file, locate);
    const split = accumulate === 1 ? `${size} ranks` : `${size} ranks × ${accumulate} passes`;
    problems.add('MIM8103', ['optimizer.batch_size', 'optimizer.accumulate'], `A batch of ${batch} cannot be split evenly over ${split}.`, { hint: `\`optimizer.batch_size\` must be a multiple of ${parts}, such as ${nearestMultiple(batch, parts)}, or the ranks ${divisorsUpTo(batch / accumulate, 64).join(', ')}.` });
    throw new ConfigError(problems.all);
  }
  return { ...experiment, optimizer: { ...experiment.optimizer, accumulate: parts }, derived: { ...experiment.derived, microBatch: batch / parts } };
}

/** A run goes on with any number of ranks that divides the parts it began with. @throws UserError MIM8106 */
export function requireSplit({ optimizer }: Pick<ResolvedExperiment, 'optimizer'>, size: number): void {
  if (optimizer.accumulate % size === 0) return;
  throw new UserError('MIM8106', `This run splits each batch into ${optimizer.accumulate} ${optimizer.accumulate === 1 ? 'part' : 'parts'}, which ${size} ranks cannot share evenly.`, `Resume it with one of these numbers of processes: ${divisorsUpTo(optimizer.accumulate, optimizer.accumulate).join(', ')}.`, 2);
}

function nearestMultiple(batch: number, parts: number): number {
  return Math.max(1, Math.round(batch / parts)) * parts;
}

function divisorsUpTo(number: number, limit: number): number[] {
  return Array.from({ length: Math.min(number, limit) }, (_, i) => i + 1).filter((candidate) => number % candidate === 0);
}
