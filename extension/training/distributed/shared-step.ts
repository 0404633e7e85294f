/** One optimizer step done by several ranks: each computes its parts of the batch, the sums and the readings are everybody's. */
import { float32, type NamedTensors } from '../../core/tensors';
import type { Readings, StateStore } from '../engines/engine';
import type { TrainingPrograms } from '../step';
import { shareOf, type BatchShare } from './batch-share';
import type { Ranks } from './ranks';

const GRADIENTS = 'grad_sum.';

export class SharedStep {
  readonly share: BatchShare;
  private readonly gradients: readonly string[];

  /**
   * @param parts of a batch, over all ranks
   * @param names see {@link trainedNames}
   */
  constructor(
    private readonly ranks: Ranks,
    parts: number,
    names: readonly string[],
  ) {
    this.share = shareOf(ranks.rank, ranks.size, parts);
    this.gradients = names.filter((name) => name.startsWith(GRADIENTS));
  }

  /** The gradients that each rank accumulated become their sums over all parts of the batch. */
  async sumGradients(state: StateStore): Promise<void> {
    const gradients = await state.read(this.gradients);
    this.ranks.sum(Object.values(gradients).map(({ data }) => data as Float32Array));
    await state.write(gradients);
  }

  /** Readings of all parts of the batch, in their order, from those of the own ones. */
  gatherReadings(own: readonly Readings[]): Readings[] {
    const layout = Object.entries(own[0]!);
    const values = Float32Array.from(own.flatMap((part) => layout.flatMap(([name]) => [...part[name]!.data])));
    const each = values.length / own.length;
    return this.ranks.gather(values).flatMap((all) => own.map((_, part) => unpacked(layout, all.subarray(part * each, (part + 1) * each))));
  }
}

function unpacked(layout: readonly (readonly [string, Readings[string]])[], values: Float32Array): Readings {
  let at = 0;
  return Object.fromEntries(layout.map(([name, { shape, data }]) => [name, float32(shape, values.slice(at, (at += data.length)))]));
}

/**
 * The entries of the state that training reads or changes, in one order on every rank: a state that comes from a checkpoint has more
 * entries (fixed positions), and others first, than one that was drawn.
 */
export function trainedNames({ accumulate, update }: Pick<TrainingPrograms, 'accumulate' | 'update'>): string[] {
  return Object.keys({ ...accumulate?.state, ...update?.state }).sort();
}

/** Rank 0's values of these entries on every rank. */
export async function spreadState(ranks: Ranks, state: StateStore, names: readonly string[]): Promise<void> {
  const values: NamedTensors = await state.read(names);
  for (const { data } of Object.values(values)) ranks.spread(data);
  if (!ranks.leads) await state.write(values);
}
