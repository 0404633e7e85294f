/** The passes, in the order in which they run. */
import { foldScale } from './fold-scale';
import { fuseLayerNorm } from './fuse-layer-norm';
import type { Pass } from './pass';
import { rescaleGelu } from './rescale-gelu';
import { simplify } from './simplify';
import { splitProjection } from './split-projection';

export const passes: readonly Pass[] = [simplify, fuseLayerNorm, splitProjection, foldScale, rescaleGelu];
