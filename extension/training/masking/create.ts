import type { MaskingConfig } from '../../core/config/schema';
import { attentiveMasking } from './attentive';
import { randomMasking } from './random';
import type { MaskingStrategy } from './strategy';

export function createMasking(config: MaskingConfig, patchCount: number, keep: number): MaskingStrategy {
  switch (config.strategy) {
    case 'random':
      return randomMasking(patchCount, keep);
    case 'attentive':
      return attentiveMasking(patchCount, keep);
    default:
      return config.strategy satisfies never;
  }
}
