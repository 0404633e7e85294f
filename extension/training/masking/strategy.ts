/** What a masking strategy is: what the host draws for it, and how the graph turns the draw into visible and hidden patches. */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { MaskingConfig } from '../../core/config/schema';
import type { HostTensor, NamedSpecs } from '../../core/tensors';
import type { RandomStream } from '../random';

/** The patches of each image, divided; the order within a side means nothing. */
export interface Split {
  /** int32 [B, keepCount] */
  readonly keepIds: Tensor;
  /** int32 [B, L − keepCount] */
  readonly maskedIds: Tensor;
}

export interface MaskingStrategy {
  readonly name: MaskingConfig['strategy'];
  /** Whether the choice needs the teacher's CLS attention. */
  readonly readsScores: boolean;
  /** Batch inputs that `keepIds` reads; with `both`, those that `split` reads. */
  specs(batch: number, both?: boolean): NamedSpecs;
  /** Their values, all of them. */
  draw(random: RandomStream, batch: number): Record<string, HostTensor>;
  /**
   * The patches the student sees.
   * @param drawn what `draw` made, as tensors
   * @param scores CLS attention of the teacher's last block, [B, L]; given where `readsScores`
   * @returns int32 [B, keepCount]
   */
  keepIds(drawn: Readonly<Record<string, Tensor>>, scores: Tensor | undefined): Tensor;
  /** Both sides; the visible one is that of `keepIds`. */
  split(drawn: Readonly<Record<string, Tensor>>, scores: Tensor | undefined): Split;
}
