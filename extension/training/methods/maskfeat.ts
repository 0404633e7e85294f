/**
 * MaskFeat: Masked Feature Prediction for Self-Supervised Visual Pre-Training (Wei et al., CVPR 2022, arXiv 2112.09133), as the
 * official code and MMPretrain do it for images. Inpainting-style: mask tokens stand for the hidden blocks in the encoder, and a
 * linear layer predicts there the histograms of oriented gradients of the whole image.
 */
import { hogNumbers } from '../../core/config/hog-size';
import type { ReconstructionConfig } from '../../core/config/schema';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { reconstructionLoss } from './distances';
import { hogOfPatches } from './hog';
import type { InpaintingOptions } from './inpainting-method';
import { InpaintingMethod } from './inpainting-method';
import type { LossAndReadings } from './method';

export interface MaskFeatOptions extends InpaintingOptions {
  /** With `hog_bins` and `hog_cell` filled in. */
  readonly reconstruction: ReconstructionConfig;
}

export class MaskFeat extends InpaintingMethod {
  readonly name = 'maskfeat';

  constructor(private readonly options: MaskFeatOptions) {
    super(options, { name: 'method.pred_head', outputs: hogNumbers(options.student.patchSize, options.reconstruction) });
  }

  /** Mean squared error over the histograms of the hidden patches. Reading: `keepIds` int32 [B, keep]. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { reconstruction: { loss: distance, hog_bins: bins = 9, hog_cell: cell }, student: { patchSize } } = this.options;
    const { keepIds, maskedIds } = this.masking.split(batch, undefined);
    const { predicted, where } = this.inpaint(parameters, batch, constants, maskedIds);
    const target = hogOfPatches(tensorOf(batch, 'images'), { patchSize, bins, cell: cell ?? patchSize });
    return { loss: reconstructionLoss(distance, predicted, target, where), readings: { keepIds } };
  }
}
