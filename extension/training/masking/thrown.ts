/**
 * AMT's throwing (Liu et al., AAAI 2023, arXiv 2211.15418): of the hidden patches some are neither encoded nor decoded, so that
 * fewer are reconstructed. Those that the strategy orders first are masked, the others thrown away.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { MaskingStrategy } from './strategy';

/** @param masked hidden patches that are reconstructed */
export function throwing(strategy: MaskingStrategy, masked: number): MaskingStrategy {
  return {
    ...strategy,
    split(drawn, scores) {
      const { keepIds, maskedIds } = strategy.split(drawn, scores);
      return { keepIds, maskedIds: tf.slice(maskedIds, [0, 0], [maskedIds.shape[0]!, masked]) };
    },
  };
}
