/**
 * The passes, in the order in which they run.
 *
 * Not here, because measured without gain on the CPU: QuickGELU and the scores' scale, which ONNX Runtime fuses itself;
 * projecting queries, keys and values separately instead of splitting one product (what the copies cost less, three
 * narrow products cost more); biases as the third operand of products; bias gradients as products with ones; folding
 * constants, which ONNX Runtime does when a session opens.
 */
import { foldScale } from './fold-scale';
import { fuseLayerNorm } from './fuse-layer-norm';
import type { Pass } from './pass';
import { rescaleGelu } from './rescale-gelu';
import { simplify } from './simplify';

export const passes: readonly Pass[] = [simplify, fuseLayerNorm, foldScale, rescaleGelu];
