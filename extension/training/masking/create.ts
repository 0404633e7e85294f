import { maskedCount } from '../../core/config/keep-count';
import { multiBlockConfig } from '../../core/config/multi-block';
import type { MaskingConfig } from '../../core/config/schema';
import { attentiveHiding, attentiveMasking } from './attentive';
import { blockMasking } from './block';
import { coarseMasking } from './coarse';
import { gridMasking } from './grid';
import { multiBlockMasking } from './multi-block';
import { randomMasking } from './random';
import { rankedMasking } from './ranked';
import type { MaskingStrategy } from './strategy';
import { throwing } from './thrown';

/** @param keep visible patches of `patchCount`, as `visibleCount` (core/config) counts them */
export function createMasking(config: MaskingConfig, patchCount: number, keep: number): MaskingStrategy {
  const strategy = hiding(config, patchCount, keep);
  return config.throw_ratio === undefined ? strategy : throwing(strategy, maskedCount(config, patchCount, keep));
}

function hiding(config: MaskingConfig, patchCount: number, keep: number): MaskingStrategy {
  const { strategy, unit = 1 } = config;
  const grid = Math.sqrt(patchCount);
  switch (strategy) {
    case 'random':
      return randomMasking(patchCount, keep);
    case 'block':
      return blockMasking(grid, keep);
    case 'coarse':
      return coarseMasking(grid, keep, unit);
    case 'grid':
      return gridMasking(grid);
    case 'multi_block':
      return multiBlockMasking(grid, keep, multiBlockConfig(config));
    case 'attentive':
      return attentiveMasking(patchCount, keep);
    case 'attentive_hidden':
      return attentiveHiding(patchCount, keep);
    case 'top_visible':
    case 'top_hidden':
      return rankedMasking(strategy === 'top_visible' ? 'visible' : 'hidden', patchCount, keep);
    default:
      return strategy satisfies never;
  }
}
