/** Stochastic depth (Huang et al. 2016), drawn on the host so that every engine sees the same step. */
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { VitShape } from '../../core/config/schema';
import type { HostTensor, NamedSpecs } from '../../core/tensors';
import { float32 } from '../../core/tensors';
import type { RandomStream } from '../random';

/** Drop rate of each block: linear from 0 at the first to `dropPath` at the last, as timm's `linspace(0, rate, depth)`. */
export function dropRates(dropPath: number, depth: number): number[] {
  return Array.from({ length: depth }, (_, i) => (depth === 1 ? 0 : (dropPath * i) / (depth - 1)));
}

/** Factors [2·depth, B]: row 2i for the attention branch of block i, row 2i+1 for its MLP; 0 or 1/(1−rate). */
export function drawDropPath(random: RandomStream, dropPath: number, depth: number, batch: number): HostTensor {
  const factors = new Float32Array(2 * depth * batch);
  dropRates(dropPath, depth).forEach((rate, i) => {
    for (let j = 2 * i * batch; j < 2 * (i + 1) * batch; j++) factors[j] = random.uniform() < rate ? 0 : 1 / (1 - rate);
  });
  return float32([2 * depth, batch], factors);
}

/** The batch input `drop_path` of a student; none if nothing is dropped. */
export function dropPathSpecs({ dropPath, depth }: VitShape, batch: number): NamedSpecs {
  return dropPath > 0 ? { drop_path: { shape: [2 * depth, batch], dtype: 'float32' } } : {};
}

/** Its values. */
export function dropPathDraws(random: RandomStream, { dropPath, depth }: VitShape, batch: number): Record<string, HostTensor> {
  return dropPath > 0 ? { drop_path: drawDropPath(random, dropPath, depth, batch) } : {};
}

/** The two rows of block `index`; undefined for a block that is never dropped. */
export function keepsOfBlock(factors: Tensor | undefined, dropPath: number, depth: number, index: number): [Tensor, Tensor] | undefined {
  if (!factors || dropRates(dropPath, depth)[index] === 0) return undefined;
  const batch = factors.shape[1]!;
  const row = (i: number): Tensor => tf.slice(factors, [i, 0], [1, batch]);
  return [row(2 * index), row(2 * index + 1)];
}
