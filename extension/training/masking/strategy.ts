/** What a masking strategy is: what the host draws for it, and how the graph turns the draw into visible patches. */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { HostTensor, NamedSpecs } from '../../core/tensors';
import type { RandomStream } from '../random';

export interface MaskingStrategy {
  readonly name: 'random' | 'attentive';
  /** Whether `keepIds` needs the teacher's CLS attention. */
  readonly readsScores: boolean;
  /** Host draws for a batch of images. */
  specs(batch: number): NamedSpecs;
  draw(random: RandomStream, batch: number): Record<string, HostTensor>;
  /**
   * The patches the student sees.
   * @param drawn what `draw` made, as tensors
   * @param scores CLS attention of the teacher's last block, [B, L]; given where `readsScores`
   * @returns int32 [B, keepCount]
   */
  keepIds(drawn: Readonly<Record<string, Tensor>>, scores: Tensor | undefined): Tensor;
}
