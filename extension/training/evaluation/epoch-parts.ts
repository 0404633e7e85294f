/** Training features as the epochs of a probe read them: whole where they fit into memory, otherwise in parts. */
import type { LabelledFeatures } from './features';

export interface EpochParts {
  readonly width: number;
  /** Images of each part of an epoch, the same in every epoch. */
  readonly sizes: readonly number[];
  /** The parts of an epoch; each is asked for once, in order. */
  parts(epoch: number): AsyncIterable<LabelledFeatures>;
}

/** The same features in every epoch. */
export function sameEveryEpoch(features: LabelledFeatures): EpochParts {
  return {
    width: features.width,
    sizes: [features.labels.length],
    async *parts() {
      yield features;
    },
  };
}

/** Other features in every epoch, as many each time; those of epoch 0 are asked for at once, to know how many. */
export async function freshEveryEpoch(features: (epoch: number) => Promise<LabelledFeatures>): Promise<EpochParts> {
  const first = await features(0);
  return {
    ...sameEveryEpoch(first),
    async *parts(epoch) {
      yield epoch === 0 ? first : await features(epoch);
    },
  };
}

/** Optimizer steps of an epoch: the rest of every part is left out, other images each time. */
export function stepsOf({ sizes }: EpochParts, batchSize: number): number {
  return sizes.reduce((steps, images) => steps + Math.floor(images / batchSize), 0);
}
