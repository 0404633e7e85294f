/**
 * The passes, in the order in which they run.
 *
 * Not here, because they do not pay on the CPU: QuickGELU, the scale of attention scores and the folding of constants,
 * which ONNX Runtime does itself when a session opens; queries, keys and values by three products instead of one that
 * is split (the narrow products lost what the copies saved); bias gradients as products with ones (all sums together
 * take one per cent of a step).
 */
import type { Device } from '../device';
import { foldScale } from './fold-scale';
import { fuseAttention } from './fuse-attention';
import { fuseLayerNorm } from './fuse-layer-norm';
import type { Pass } from './pass';
import { FITS_A_BYTE, FITS_IN_PAIRS, quantizeWeights } from './quantize-weights';
import { rescaleGelu } from './rescale-gelu';
import { simplify } from './simplify';
import { turnOperands } from './turn-operands';

const everywhere: readonly Pass[] = [simplify, fuseLayerNorm, foldScale, rescaleGelu];

/** @param int8 constants whose products are computed in int8, on the CPU */
export function passesFor(device: Device, int8?: readonly string[]): readonly Pass[] {
  switch (device) {
    case 'cpu':
      return [...everywhere, ...(int8 ? [quantizeWeights(int8, FITS_IN_PAIRS)] : []), fuseAttention];
    case 'webgpu':
      return [...everywhere, turnOperands(['transA', 'transB'])];
    case 'native':
      return [...everywhere, ...(int8 ? [quantizeWeights(int8, FITS_A_BYTE)] : [])];
    case 'wgsl':
      return [...everywhere, turnOperands(['transB'])];
  }
}
