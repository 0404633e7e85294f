/** What stacked heads of a kind are to the loop that trains them: their first state and their programs. */
import type { NamedTensors } from '../../core/tensors';
import type { Program } from '../engines/engine';
import type { RandomStream } from '../random';
import type { ProbeOptimizer } from './probe-optimizers';

export interface HeadSizes {
  /** R, heads trained side by side. */
  readonly heads: number;
  /** C */
  readonly classes: number;
  /** Numbers an image: D of a linear head. */
  readonly width: number;
}

export interface HeadFamily {
  /** Parameters, optimizer state and running statistics; every head starts from the same draw. */
  initial(sizes: HeadSizes, random: RandomStream): NamedTensors;
  /**
   * One training step. Batch: `features` [B, width], `labels` [B], `lr` [R]. Reading: `loss` [R], the mean cross-entropy
   * of each head before the step.
   */
  trainProgram(sizes: HeadSizes, batchSize: number, optimizer: ProbeOptimizer): Program;
  /** Batch: `features` [B, width]. Reading: `logits` [B, R, C] with the running statistics. */
  scoreProgram(sizes: HeadSizes, batchSize: number): Program;
}
